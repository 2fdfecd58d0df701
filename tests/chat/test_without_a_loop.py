"""What runs a request on Preview 2, where there is no event loop."""

import asyncio

import pytest

from chat.core.errors import StoreUnavailable
from chat.core.undoing import undone_on_error
from chat.spin.p2.host import run


async def blocks(text: str) -> str:
    """Return without ever having waited, as the calls of Preview 2 do."""
    return text.upper()


async def asks() -> str:
    return " ".join([await blocks("a"), await blocks("b")])


def test_what_never_waits_runs_to_its_end() -> None:
    assert run(asks()) == "A B"


def test_the_error_of_what_runs_goes_on() -> None:
    async def fail() -> None:
        await asks()
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable, match="away"):
        run(fail())


def test_what_waits_is_an_error_and_what_it_began_is_undone() -> None:
    undone: list[str] = []

    async def undo() -> None:
        undone.append(await blocks("it"))

    async def wait() -> None:
        async with undone_on_error(undo):
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited for an event loop"):
        run(wait())

    assert undone == ["IT"]
