"""What an operation is: a handler, with what it takes, gives, and may be refused with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from chat.core.errors import ChatError, InternalError, InvalidSetting
from chat.core.refusals import (
    CredentialNeeded,
    InvalidCredential,
    InvalidRequest,
    LimitExceeded,
    MemoryOff,
    OperatorNeeded,
    RequestTimeout,
    TooLarge,
)
from chat.http.call import Access, Call, Counts
from chat.http.response import Response
from chat.http.schemas import Schema


class Handler(Protocol):
    """What answers; its name is the operation's."""

    __name__: str

    def __call__(self, call: Call, /) -> Response:
        """Answer, or raise ChatError."""


Errors = tuple[type[ChatError], ...]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query, or a header."""

    name: str
    schema: Schema
    where: Literal["query", "header"] = "query"
    is_needed: bool = False


@dataclass(frozen=True)
class Operation:
    """What is served at a path for a method: what it is called, and what answers it.

    `needs_memory` says that it is there only where there are long-term memories; `has_deadline`
    that all it asks of models has `turn_timeout_s` together, since it holds a conversation.
    Shapes: `gives` names the schema of the answer for each status that is no error; `takes` that
            of the body, and None says that no body is looked at. `links` say which field of the
            answer a parameter of which other action may be. `is_stored_whole` says that what it
            brings is stored at once, or none of it.
    """

    handler: Handler
    summary: str
    gives: Mapping[int, str]
    access: Access = "owner"
    takes: str | None = None
    parameters: Sequence[Parameter] = ()
    errors: Errors = ()
    media: str = "application/json"
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_stored_whole: bool = False
    counts: Counts = "nothing"
    needs_memory: bool = False
    has_deadline: bool = False

    @property
    def action(self) -> str:
        """What it is called in the API document and in counters: as its handler is."""
        return self.handler.__name__.rstrip("_")


Operations = Mapping[str, Mapping[str, Operation]]
"""What is served, by path and method."""


def errors_of(path: str, operation: Operation) -> Errors:
    """List everything that a request may be refused with; most of it follows from what it takes."""
    errors: list[type[ChatError]] = [InvalidSetting, InternalError, *operation.errors]
    is_given = operation.takes or operation.parameters or "_id}" in path or "{id}" in path
    if is_given:
        errors.append(InvalidRequest)
    if operation.takes or any(one.name == "prompt" for one in operation.parameters):
        errors.append(TooLarge)
    if operation.takes:
        errors.append(RequestTimeout)
    if operation.counts != "nothing":
        errors.append(LimitExceeded)
    if operation.needs_memory:
        errors.append(MemoryOff)
    if operation.access == "admin":
        errors.append(OperatorNeeded)
    if operation.access in {"optional", "owner"}:
        errors.append(InvalidCredential)
    if operation.access == "owner":
        errors.append(CredentialNeeded)
    return tuple(dict.fromkeys(errors))
