"""What was begun is undone, whatever went wrong."""

import pytest

from chat.core.errors import StoreUnavailable
from chat.core.refusals import ConversationBusy
from chat.core.undoing import undone_on_error


@pytest.mark.parametrize(
    "fault", [ConversationBusy(), KeyError("x"), OverflowError(), GeneratorExit()]
)
def test_what_was_begun_is_undone_and_the_failure_goes_on(fault: BaseException) -> None:
    undone: list[str] = []

    with pytest.raises(type(fault)) as raised, undone_on_error(lambda: undone.append("it")):
        raise fault

    assert raised.value is fault
    assert undone == ["it"]


def test_what_went_well_stays() -> None:
    undone: list[str] = []

    with undone_on_error(lambda: undone.append("it")):
        pass

    assert undone == []


def test_the_failure_goes_on_where_nothing_can_be_undone() -> None:
    def undo() -> None:
        raise StoreUnavailable("away")

    with pytest.raises(KeyError), undone_on_error(undo):
        raise KeyError("x")
