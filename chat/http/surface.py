"""What a surface of the API is: operations that speak alike, with their shapes and their errors."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from chat.core.errors import ChatError
from chat.http.operation import Operations
from chat.http.response import Response
from chat.http.shapes import Schema


class AnswerError(Protocol):
    """A function that makes an error an answer."""

    def __call__(self, error: ChatError, *, is_stored_whole: bool) -> Response:
        """Answer an error.

        `is_stored_whole`: whether the request was to store something whole; the answer then says
        what became of that, if the error knows.
        """


@dataclass(frozen=True)
class Surface:
    """Operations that speak alike.

    Shapes: `beginning` is how all of its paths begin. `taken` and `given` are the schemas of bodies
            and answers, by name; those of bodies that may be left out are in `may_be_empty`;
            `in_path` are the schemas of named parts of paths. `error_shape` is the name of the
            schema of errors; `status_of` and `code_of` return what their answers say.
    """

    beginning: str
    operations: Operations
    taken: Mapping[str, Schema]
    given: Mapping[str, Schema]
    in_path: Mapping[str, Schema]
    may_be_empty: Collection[str]
    error_shape: str
    status_of: Callable[[type[ChatError]], int]
    code_of: Callable[[type[ChatError]], str]
    answer_error: AnswerError
