"""The prompt that asks the model what it knows about the user, with all that is remembered."""

from collections.abc import Sequence
from typing import Any

from chat.http.call import Call
from chat.http.queries import DEFAULT
from chat.mcp import texts
from chat.mcp.asking import ask
from chat.mcp.calling import SHOWN_CHARACTERS
from chat.mcp.exchange import Exchange
from chat.mcp.protocol import INVALID_PARAMS, Fields, Refused

KNOWN = "what_do_you_know_about_me"
TOPIC = "topic"
PROMPT = {
    "name": KNOWN,
    "title": "What do you know about me?",
    "description": "Asks what is known about you, with what is remembered of you",
    "arguments": [
        {
            "name": TOPIC,
            "title": "Topic",
            "description": "What it should be about; everything if left out",
            "required": False,
        }
    ],
}
NO_MEMORY = "This service keeps no long-term memories: `long_term` is off."


async def get_prompt(exchange: Exchange) -> dict[str, Any]:
    """Answer `prompts/get`.

    Errors: Refused, and those of the operations that it asks.
    """
    topic = _parse_topic(exchange.params)
    about = f" about {texts.quoted(topic)}" if topic else ""
    asked = (
        f"What do you know about me{about}? Answer with what is remembered below, and say where "
        "there is nothing."
    )
    parts = [
        asked,
        texts.QUOTED,
        *await _memories(exchange.call, topic),
        *await _conversations(exchange.call),
    ]
    content = {"type": "text", "text": "\n\n".join(parts)}
    return {
        "description": PROMPT["title"],
        "messages": [{"role": "user", "content": content}],
    }


def _parse_topic(params: Fields) -> str:
    name, arguments = params.get("name"), params.get("arguments", {})
    if name != KNOWN:
        shown = name[:SHOWN_CHARACTERS] if isinstance(name, str) else ""
        raise Refused(INVALID_PARAMS, f"there is no prompt `{shown}`; there is `{KNOWN}`")
    if not isinstance(arguments, dict) or not set(arguments) <= {TOPIC}:
        raise Refused(INVALID_PARAMS, f"`arguments` may have `{TOPIC}`, and nothing else")
    topic: Any = arguments.get(TOPIC, "")
    if not isinstance(topic, str):
        raise Refused(INVALID_PARAMS, f"`{TOPIC}` must be a text")
    return topic.strip()


async def _memories(call: Call, topic: str) -> Sequence[str]:
    if not call.settings.long_term.is_on:
        return [NO_MEMORY]
    if topic:
        found = await ask(call, "/memories/relevant", prompt=topic, top_k=DEFAULT)
        return texts.tell_recalled(found, call.now())
    return texts.tell_memories(await ask(call, "/memories", limit=DEFAULT), call.now())


async def _conversations(call: Call) -> Sequence[str]:
    page = await ask(call, "/conversations", limit=DEFAULT)
    return texts.tell_conversations(page, call.now())
