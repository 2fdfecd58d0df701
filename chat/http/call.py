"""What a handler is given: a request, and the parts with which it answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from chat.core.counters import day_of
from chat.core.limits import Adds
from chat.core.owners import conversation_mark
from chat.core.variables import Getter
from chat.http.bodies import body_limit
from chat.http.credentials import Caller, parse_caller, parse_stranger
from chat.http.log_line import Fact
from chat.http.stores import OperatorStores, Stores
from chat.settings import Settings
from chat.usecases.check_health import Health
from chat.usecases.erase import Receipt
from chat.usecases.ports import Clock

Access = Literal["none", "optional", "owner", "admin"]
"""Which credential a request needs: none, an owner's if it has one, an owner's, the operator's."""
Counts = Literal["nothing", "turn", "turn by itself"]
"""What a request counts as against the limits.

`nothing`; `turn`: a turn, counted before any store is read or written; `turn by itself`: a turn
that the operation counts in its own first step.
"""


@dataclass(frozen=True)
class Request:
    """An HTTP request.

    Shapes: the names of `headers` are in lower case; of several headers with one name, the last is
            kept. `read_body` reads the whole body, and is called once.
    Units:  the argument of `read_body` is the most bytes that the body may have.
    Errors: `read_body` raises TooLarge if the body has more bytes, and RequestTimeout if they do
            not come in time.
    """

    method: str
    uri: str
    headers: Mapping[str, str]
    read_body: Callable[[int], Awaitable[bytes]]


Probes = Mapping[str, Callable[[], Awaitable[Health | None]]]
"""Functions that ask a part for its health, by the part's name; None says that it was not asked."""


class Backend(Protocol):
    """Puts the parts of a request together; each connection is closed after the answer.

    Errors: every method may raise StoreUnavailable.
    """

    async def connect(self, call: "Call", owner: str | None) -> Stores:
        """Connect to the stores; `owner` owns what the request makes, None means nobody does."""

    async def connect_operator(self, call: "Call") -> OperatorStores:
        """Connect for an operator."""

    def make_probes(self, call: "Call", *, is_scrape: bool) -> Probes:
        """Make a function for each part that a turn needs, which asks the part for its health.

        `is_scrape`: whether it is asked for again and again, and has to answer soon.
        """

    async def count_session(self, call: "Call") -> None:
        """Count a new credential.

        Errors: LimitExceeded.
        """

    async def erase(self, call: "Call", owner: str) -> Receipt:
        """Remove everything of an owner from each store, even if other stores fail.

        Errors: LimitExceeded.
        """


@dataclass(frozen=True)
class Outside:
    """What a handler needs from outside beside stores: variables, times and random tokens.

    `timer` never goes back. `make_token` makes a credential that nobody can guess. `describe_api`
    describes the table of operations, which no handler can import, as it names the handlers.
    """

    get_variable: Getter
    read_settings: Callable[[], Settings]
    clock: Clock
    timer: Clock
    make_token: Callable[[], str]
    describe_api: Callable[[], Mapping[str, Any]]


class Terms(Protocol):
    """On what terms an operation answers."""

    @property
    def access(self) -> Access:
        """Which credential counts."""

    @property
    def takes(self) -> str | None:
        """The name of the body's schema; None where no body is looked at."""

    @property
    def counts(self) -> Counts:
        """What it counts as."""

    @property
    def has_deadline(self) -> bool:
        """Whether all that it asks of models has `turn_timeout_s` together."""


@dataclass(frozen=True)
class Call:
    """One request; each part of it is parsed once, when it is first asked for.

    Shapes: `path` has the segments of its path that have a name; `terms` are those of its
            operation; `fencing` is a random value.
    """

    request: Request
    path: Mapping[str, str]
    terms: Terms
    fencing: str
    outside: Outside
    backend: Backend
    facts: dict[str, Fact] = field(default_factory=dict)
    """What the log line says of the request, whatever becomes of it."""

    def note_conversation(self, conversation_id: int) -> None:
        """Have the log say which conversation the request is about, by a mark of the day."""
        owner, day = self.caller.owner or "", day_of(self.now())
        self.facts["conversation"] = conversation_mark(owner, conversation_id, day)

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers, by name in lower case."""
        return self.request.headers

    @property
    def uri(self) -> str:
        """The request's path and query."""
        return self.request.uri

    @cached_property
    def settings(self) -> Settings:
        """What the operator has set.

        Errors: InvalidSetting.
        """
        return self.outside.read_settings()

    @cached_property
    def caller(self) -> Caller:
        """Who sends the request; if the operation needs no owner's credential, only from where.

        Errors: InvalidCredential.
        """
        header = self.settings.client_address_header
        if self.terms.access in {"none", "admin"}:
            return parse_stranger(self.headers, header)
        return parse_caller(self.request.method, self.headers, header)

    @cached_property
    def body(self) -> bytes:
        """The body as `read_body` has read it; empty before."""
        return b""

    async def read_body(self) -> None:
        """Read the body, if the operation takes one.

        Errors: TooLarge, RequestTimeout, InvalidRequest.
        """
        if self.terms.takes is not None:
            max_bytes = body_limit(self.terms.takes, self.settings)
            self.__dict__["body"] = await self.request.read_body(max_bytes)

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self.outside.clock()

    async def connect(self, adds: Adds = "", owner: str | None = None) -> Stores:
        """Connect to the stores, and count the request there if its operation says so.

        `owner` is the owner of what the request makes, if that is not the caller.
        Errors: LimitExceeded, StoreUnavailable; StorageFull if the owner has no room for what the
                request `adds`.
        """
        stores = await self.backend.connect(self, owner or self.caller.owner)
        if self.terms.counts == "turn":
            await stores.turns.admit(None, adds)
        return stores
