"""What is done with an owner's long-term memories: parse, act, render."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.core.memories import NOTE
from chat.core.messages import Memory
from chat.http.bodies import parse_memory, parse_memory_change
from chat.http.operations import Action
from chat.http.queries import parse_list_query, parse_memory_id, parse_search
from chat.http.render import (
    Response,
    render_forgotten_memories,
    render_found_memories,
    render_memory,
    render_memory_page,
)
from chat.settings import Settings
from chat.usecases.ports import Clock, LongTermMemory, TurnStore


@dataclass(frozen=True)
class AskedMemory:
    """What a request about memories says, and the parts that answer it.

    `fencing` is a random value of this request.
    """

    parts: Mapping[str, str]
    uri: str
    body: bytes
    settings: Settings
    memory: LongTermMemory
    turns: TurnStore
    fencing: str
    clock: Clock

    @property
    def memory_id(self) -> str:
        """The memory that the path names."""
        return parse_memory_id(self.parts["memory_id"])


def list_page(asked: AskedMemory) -> Response:
    """Answer `GET /memories`."""
    query = parse_list_query(asked.uri)
    return render_memory_page(*asked.memory.list_page(query.cursor, query.limit))


def search(asked: AskedMemory) -> Response:
    """Answer `GET /memories/relevant`; it asks a model, so it counts as a turn does."""
    settings = asked.settings
    query = parse_search(asked.uri, settings.max_prompt_bytes, settings.long_term.max_distance)
    asked.turns.admit(None)
    found = asked.memory.search(
        query.prompt, count=query.top_k, max_distance=query.distance_threshold
    )
    return render_found_memories(found)


def remember(asked: AskedMemory) -> Response:
    """Answer `POST /memories`; what is remembered already is not so twice."""
    now = asked.clock()
    message = parse_memory(asked.body, asked.settings.max_prompt_bytes, now)
    asked.turns.admit(None, "memory")
    at = now if message.created_at is None else message.created_at
    note = Memory(f"{NOTE}{asked.fencing[:16]}", message.role, message.content, at, None)
    kept = asked.memory.add([note])[0]
    return render_memory(note, 201) if kept == note.id else render_memory(asked.memory.get(kept))


def show(asked: AskedMemory) -> Response:
    """Answer `GET /memories/{memory_id}`."""
    return render_memory(asked.memory.get(asked.memory_id))


def change(asked: AskedMemory) -> Response:
    """Answer `PATCH /memories/{memory_id}`."""
    wanted = parse_memory_change(asked.body, asked.settings.max_prompt_bytes)
    asked.turns.admit(None, "" if wanted.content is None else "memory")
    memory = asked.memory.get(asked.memory_id)
    changed = dataclasses.replace(
        memory,
        content=memory.content if wanted.content is None else wanted.content,
        is_pinned=memory.is_pinned if wanted.is_pinned is None else wanted.is_pinned,
    )
    asked.memory.change(changed)
    return render_memory(changed)


def forget_one(asked: AskedMemory) -> Response:
    """Answer `DELETE /memories/{memory_id}`."""
    asked.memory.forget(asked.memory_id)
    return render_forgotten_memories(1)


def forget_all(asked: AskedMemory) -> Response:
    """Answer `DELETE /memories`."""
    return render_forgotten_memories(asked.memory.forget_all())


MEMORY_ACTIONS: Mapping[Action, Callable[[AskedMemory], Response]] = {
    "list_memories": list_page,
    "search_memories": search,
    "remember": remember,
    "show_memory": show,
    "change_memory": change,
    "forget_one_memory": forget_one,
    "forget_memories": forget_all,
}
