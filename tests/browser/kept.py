"""Conversations and memories of earlier days: what a visitor has is imported with its times."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from playwright.sync_api import Page

DAY_S = 86_400
IMPORT = """async (body) => {
  const answer = await fetch("/import", { method: "POST", body });
  return [answer.status, await answer.json()];
}"""


@dataclass(frozen=True)
class Kept:
    """A conversation; `said` has prompts and replies in turn.

    Units: `days_ago` is when its last turn was.
    """

    title: str | None
    days_ago: float = 0.0
    said: Sequence[str] = ("Hello.", "Good day.")
    is_pinned: bool = False
    context: str = "You are a helpful assistant."


@dataclass(frozen=True)
class Note:
    """A memory that came from no conversation."""

    content: str
    days_ago: float = 0.0
    is_pinned: bool = field(default=False, kw_only=True)


def keep(page: Page, conversations: Sequence[Kept] = (), notes: Sequence[Note] = ()) -> list[int]:
    """Import these for the page's visitor, show them, and return the conversations' ids."""
    text = "".join(f"{json.dumps(line)}\n" for line in _lines(conversations, notes, time.time()))
    status, answer = page.evaluate(IMPORT, text)
    assert status == 200, answer
    page.reload()
    page.wait_for_load_state("networkidle")
    return [taken["id"] for taken in answer["conversations"]]


def _lines(
    conversations: Sequence[Kept], notes: Sequence[Note], now: float
) -> Iterator[dict[str, object]]:
    settings = {"model": "m", "embedding_model": "e", "context_length": 1, "long_term": "off"}
    yield {"type": "export", "version": 1, "exported_at": now, "settings": settings}
    for number, kept in enumerate(conversations, 1):
        at = now - kept.days_ago * DAY_S
        turns = [kept.said[place : place + 2] for place in range(0, len(kept.said), 2)]
        yield {
            "type": "conversation", "id": number, "title": kept.title, "context": kept.context,
            "created_at": at, "active_at": at, "turns": len(turns), "pinned": kept.is_pinned,
        }  # fmt: skip
        for turn, said in enumerate(turns, 1):
            messages = [
                {"role": role, "content": content, "created_at": at}
                for role, content in zip(("user", "assistant"), said, strict=False)
            ]
            yield {
                "type": "turn", "conversation_id": number, "number": turn, "at": at,
                "messages": messages,
            }  # fmt: skip
    for number, note in enumerate(notes, 1):
        yield {
            "type": "memory", "id": f"note-{number:016x}", "role": "user", "content": note.content,
            "created_at": now - note.days_ago * DAY_S, "conversation_id": None,
            "pinned": note.is_pinned,
        }  # fmt: skip
    turns_count = sum((len(kept.said) + 1) // 2 for kept in conversations)
    yield {
        "type": "end", "conversations": len(conversations), "turns": turns_count,
        "memories": len(notes),
    }  # fmt: skip
