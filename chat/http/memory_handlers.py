"""What is done with an owner's long-term memories: parse, act, render."""

import dataclasses

from chat.core.memories import NOTE
from chat.core.messages import Memory
from chat.http.bodies import parse_memory, parse_memory_change
from chat.http.call import Call
from chat.http.queries import parse_list_query, parse_memory_id, parse_namespace_query, parse_search
from chat.http.render import (
    render_forgotten_memories,
    render_found_memories,
    render_memory,
    render_memory_page,
)
from chat.http.response import Response


async def list_memories(call: Call) -> Response:
    """Answer `GET /memories`."""
    query = parse_list_query(call.uri)
    return render_memory_page(
        *await (await call.connect()).memory.list_page(query.cursor, query.limit, query.namespace)
    )


async def search_memories(call: Call) -> Response:
    """Answer `GET /memories/relevant`."""
    settings = call.settings
    query = parse_search(call.uri, settings.max_prompt_bytes, settings.long_term.max_distance)
    found = await (await call.connect()).memory.search(
        query.prompt,
        count=query.top_k,
        max_distance=query.distance_threshold,
        namespace=query.namespace,
        by=query.by,
    )
    return render_found_memories(found)


async def remember(call: Call) -> Response:
    """Answer `POST /memories`; a text that is remembered already is not stored again."""
    now = call.now()
    message, namespace = parse_memory(call.body, call.settings.max_prompt_bytes, now)
    memory = (await call.connect("memory")).memory
    at = now if message.created_at is None else message.created_at
    name = f"{NOTE}{call.fencing[:16]}"
    note = Memory(name, message.role, message.content, at, None, namespace=namespace)
    kept = (await memory.add([note]))[0]
    return render_memory(note, 201) if kept == note.id else render_memory(await memory.get(kept))


async def show_memory(call: Call) -> Response:
    """Answer `GET /memories/{memory_id}`."""
    name = _memory_id(call)
    return render_memory(await (await call.connect()).memory.get(name))


async def change_memory(call: Call) -> Response:
    """Answer `PATCH /memories/{memory_id}`."""
    wanted = parse_memory_change(call.body, call.settings.max_prompt_bytes)
    memory = (await call.connect("" if wanted.content is None else "memory")).memory
    before = await memory.get(_memory_id(call))
    changed = dataclasses.replace(
        before,
        content=before.content if wanted.content is None else wanted.content,
        is_pinned=before.is_pinned if wanted.is_pinned is None else wanted.is_pinned,
    )
    await memory.change(changed)
    return render_memory(changed)


async def forget_one_memory(call: Call) -> Response:
    """Answer `DELETE /memories/{memory_id}`."""
    name = _memory_id(call)
    await (await call.connect()).memory.forget(name)
    return render_forgotten_memories(1)


async def forget_memories(call: Call) -> Response:
    """Answer `DELETE /memories`."""
    namespace = parse_namespace_query(call.uri)
    return render_forgotten_memories(await (await call.connect()).memory.forget_all(namespace))


def _memory_id(call: Call) -> str:
    return parse_memory_id(call.path["memory_id"])
