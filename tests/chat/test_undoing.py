"""What was begun is undone, whatever went wrong."""

import asyncio

import pytest

from chat.core.errors import StoreUnavailable
from chat.core.refusals import ConversationBusy
from chat.core.undoing import undone_on_error


class Step:
    """Something that was begun; undoing it waits, as a store does."""

    def __init__(self) -> None:
        self.undone = 0

    async def undo(self) -> None:
        await asyncio.sleep(0)
        self.undone += 1


@pytest.mark.parametrize(
    "fault",
    [ConversationBusy(), KeyError("x"), OverflowError(), GeneratorExit(), asyncio.CancelledError()],
    ids=repr,
)
async def test_what_was_begun_is_undone_and_the_failure_goes_on(fault: BaseException) -> None:
    step = Step()

    with pytest.raises(type(fault)) as raised:
        async with undone_on_error(step.undo):
            raise fault

    assert raised.value is fault
    assert step.undone == 1


async def test_what_is_cancelled_while_it_waits_is_undone() -> None:
    step, begun = Step(), asyncio.Event()

    async def wait() -> None:
        async with undone_on_error(step.undo):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert step.undone == 1


async def test_what_went_well_stays() -> None:
    step = Step()

    async with undone_on_error(step.undo):
        pass

    assert step.undone == 0


async def test_the_failure_goes_on_where_nothing_can_be_undone() -> None:
    async def undo() -> None:
        raise StoreUnavailable("away")

    with pytest.raises(KeyError):
        async with undone_on_error(undo):
            raise KeyError("x")
