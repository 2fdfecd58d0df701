"""What an operation is: a handler, what it takes and returns, and how it may be refused."""

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
from chat.http.cors import ForeignOrigin
from chat.http.response import Response
from chat.http.shapes import Schema
from chat.settings import Settings


class Handler(Protocol):
    """A function that answers a request; the operation has its name."""

    __name__: str

    async def __call__(self, call: Call, /) -> Response:
        """Answer, or raise ChatError."""


Errors = tuple[type[ChatError], ...]


@dataclass(frozen=True)
class Parameter:
    """A parameter in a query or a header."""

    name: str
    schema: Schema
    where: Literal["query", "header"] = "query"
    is_needed: bool = False


@dataclass(frozen=True)
class Operation:
    """What is served for one method at one path.

    Shapes: `gives` has the name of the answer's schema for each status that is not an error;
            `takes` is the name of the body's schema, None if no body is read. `links` says which
            fields of the answer may be sent as which parameters of other operations.
            `events` is the schema's name of the answer, event by event, to those who prefer that.
            `is_stored_whole`: whether what the request brings is stored either whole or not at all.
            `is_counted`: whether Redis counts its requests, which it does where it is asked anyway.
            `needs_memory`: whether the operation exists only where there are long-term memories.
            `has_deadline`: whether all its questions to models have `turn_timeout_s` together,
            because it holds a conversation meanwhile.
            `checks_origin`: whether a page of an origin that the operator has not named is refused.
            `refuses` has the statuses of refusals that no error of the API has.
    """

    handler: Handler
    summary: str
    gives: Mapping[int, str]
    access: Access = "owner"
    takes: str | None = None
    parameters: Sequence[Parameter] = ()
    errors: Errors = ()
    media: str = "application/json"
    events: str | None = None
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_stored_whole: bool = False
    is_counted: bool = True
    counts: Counts = "nothing"
    needs_memory: bool = False
    has_deadline: bool = False
    checks_origin: bool = False
    refuses: Sequence[int] = ()

    @property
    def action(self) -> str:
        """The operation's name in the API document and in counters: that of its handler."""
        return self.handler.__name__.rstrip("_")

    def check_memory(self, settings: Settings) -> None:
        """Check that there are long-term memories if it needs them.

        Errors: MemoryOff.
        """
        if self.needs_memory and not settings.long_term.is_on:
            raise MemoryOff


Operations = Mapping[str, Mapping[str, Operation]]
"""The operations, by path and method."""


def errors_of(path: str, operation: Operation) -> Errors:
    """Return every error that a request may be refused with; most follow from what it takes."""
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
    if operation.checks_origin:
        errors.append(ForeignOrigin)
    if operation.access == "admin":
        errors.append(OperatorNeeded)
    if operation.access in {"optional", "owner"}:
        errors.append(InvalidCredential)
    if operation.access == "owner":
        errors.append(CredentialNeeded)
    return tuple(dict.fromkeys(errors))
