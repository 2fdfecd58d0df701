"""An instance that answers many requests at once: each gets its own, and none leaves a trace."""

import asyncio
import functools
import gc
import json
import sys
import types
from collections.abc import Iterator
from typing import Any

from chat.core.errors import ModelUnavailable
from chat.wiring.service import Service
from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, make_service

OWNERS = ("ada", "bob")
SECRET = {owner: f"{owner}-credential-".ljust(43, owner[0]) for owner in OWNERS}


def word_of(owner: str, number: int) -> str:
    return f"{owner}word{number}"


async def reply(prompt: str) -> str:
    """Reply with the prompt, after others went on; fail where the prompt asks for that."""
    for _ in range(len(prompt) % 7):
        await asyncio.sleep(0)
    if "fail" in prompt:
        raise ModelUnavailable("the model cannot be reached")
    if "break" in prompt:
        raise RuntimeError("nobody thought of this")
    if "wait" in prompt:
        await asyncio.Event().wait()
    return f"You said {prompt}"


async def talk(service: Service, owner: str, count: int) -> list[Any]:
    """Take turns, some of which fail, break or are cancelled; return what the owner has then."""
    body = json.dumps({"context": word_of(owner, 0), "prompt": word_of(owner, 1)}).encode()
    _, begun = await ask(service, "POST", "/", body, SECRET[owner])
    for number in range(2, count):
        prompts = [word_of(owner, number), "fail", "break", "wait"]
        fields = {"id": begun["id"], "prompt": f"{prompts[number % 4]} {word_of(owner, number)}"}
        turn = asyncio.create_task(
            ask(service, "POST", "/", json.dumps(fields).encode(), SECRET[owner])
        )
        if number % 4 == 3:
            for _ in range(40):
                await asyncio.sleep(0)
            turn.cancel()
        await asyncio.wait({turn})
    await ask(service, "POST", "/", b"[" * 100_000, SECRET[owner])
    await ask(service, "GET", "/conversations/999", token=SECRET[owner])
    path = f"/conversations/{begun['id']}/messages?last=100"
    _, page = await ask(service, "GET", path, token=SECRET[owner])
    return [message["content"] for message in page["messages"]]


async def test_owners_at_once_have_their_own_and_a_turn_that_was_given_up_leaves_no_lock(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply)
    told = await asyncio.gather(*(talk(service, owner, 17) for owner in OWNERS))

    for owner, contents in zip(OWNERS, told, strict=True):
        kept = [1, *(number for number in range(2, 17) if number % 4 == 0)]
        prompts = [
            word_of(owner, 1),
            *(f"{word_of(owner, n)} {word_of(owner, n)}" for n in kept[1:]),
        ]
        assert contents == [text for p in prompts for text in (p, f"You said {p}")]


async def test_nothing_of_a_request_stays_in_the_instance(connection: NativeConnection) -> None:
    service = make_service(connection, reply)

    await asyncio.gather(*(talk(service, owner, 17) for owner in OWNERS))

    left = [text for text in texts_of(service) if any(owner + "word" in text for owner in OWNERS)]
    assert left == []
    assert not [text for text in texts_of(service) if any(s in text for s in SECRET.values())]


def test_what_stays_is_looked_at(connection: NativeConnection) -> None:
    """The search finds what is planted in a module, in what it holds, and in the service."""
    service = make_service(connection, reply)
    module = sys.modules["chat.core.errors"]
    for plant in ({"a": ["planted text"]}, functools.partial(print, b"planted text")):
        module.__dict__["_planted"] = plant
        try:
            assert "planted text" in set(texts_of(service))
        finally:
            del module.__dict__["_planted"]
    service.__dict__["planted"] = ("planted text",)
    assert "planted text" in set(texts_of(service))


def texts_of(service: Service) -> Iterator[str]:
    """Yield every text that is reachable from the modules of the chat, or from its service."""
    modules = [m for name, m in sys.modules.items() if name.split(".")[0] == "chat"]
    waiting: list[Any] = [service, *map(vars, modules)]
    seen = {id(m) for m in sys.modules.values()} | {id(sys.modules)}
    while waiting:
        one = waiting.pop()
        if id(one) in seen or is_of_others(one):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            yield one
        elif isinstance(one, bytes | bytearray):
            yield bytes(one).decode(errors="replace")
        else:
            waiting += gc.get_referents(one)


def is_of_others(one: object) -> bool:
    """Whether something is a class or a function of another package, which leads everywhere."""
    is_code = isinstance(one, type | types.FunctionType | types.BuiltinFunctionType)
    return is_code and str(getattr(one, "__module__", "")).split(".")[0] != "chat"
