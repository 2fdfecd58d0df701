"""The surface that is this service's own."""

from chat.core.errors import ChatError
from chat.http.operations import OPERATIONS
from chat.http.response import render_error
from chat.http.schemas import GIVEN, MAY_BE_EMPTY, PATH_PARAMETERS, TAKEN
from chat.http.surface import Surface


def status_of(error: type[ChatError]) -> int:
    """Return the status of an error's answer."""
    return error.status


def code_of(error: type[ChatError]) -> str:
    """Return the code of an error's answer."""
    return error.code


OWN = Surface(
    beginning="",
    operations=OPERATIONS,
    taken=TAKEN,
    given=GIVEN,
    in_path=PATH_PARAMETERS,
    may_be_empty=MAY_BE_EMPTY,
    error_shape="Error",
    status_of=status_of,
    code_of=code_of,
    answer_error=render_error,
)
