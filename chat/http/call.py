"""What a handler is given: a request, and what answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from chat.core.messages import Adds
from chat.http.bodies import body_limit
from chat.http.credentials import Caller, parse_caller, parse_stranger
from chat.settings import Getter, Settings, parse_settings
from chat.usecases.check_health import Health
from chat.usecases.clean_up import Places, Steps
from chat.usecases.erase import Receipt
from chat.usecases.ports import (
    Clock,
    Embedder,
    LongTermMemory,
    OwnedStore,
    StatsStore,
    TurnStore,
)
from chat.usecases.snapshots import Snapshots
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.take_back import Importer
from chat.usecases.take_turn import TurnTaker
from chat.usecases.turn_memory import Recaller

Access = Literal["none", "optional", "owner", "admin"]
"""Which credential counts: none, one if there is one, an owner's, the operator's."""
Counts = Literal["nothing", "turn", "turn by itself"]
"""What is counted against the limits: nothing; a turn, before any store is asked for; or a turn by
what the operation begins with."""


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names in lower case, and the last of those with one name.

    `read_body` reads the body once, up to so many bytes; it raises TooLarge if there are more, and
    RequestTimeout if they do not come.
    """

    method: str
    uri: str
    headers: Mapping[str, str]
    read_body: Callable[[int], bytes]


class Stores(Protocol):
    """What answers for one owner, each part made when it is asked for."""

    @property
    def turns(self) -> TurnStore:
        """Where turns are taken from and stored."""

    @property
    def conversations(self) -> OwnedStore:
        """The conversations that the caller may reach."""

    @property
    def long_term(self) -> LongTermMemory | None:
        """The owner's memories; None where there are none."""

    @property
    def memory(self) -> LongTermMemory:
        """The owner's memories.

        Errors: MemoryOff.
        """

    @property
    def embedder(self) -> Embedder:
        """What turns texts into vectors, each once."""

    @property
    def recaller(self) -> Recaller:
        """What recalls and remembers beside a turn."""

    @property
    def turn_taker(self) -> TurnTaker:
        """What takes a turn."""

    @property
    def stopwatch(self) -> Stopwatch:
        """What times the request."""

    @property
    def importer(self) -> Importer:
        """What takes an export back.

        Errors: CredentialNeeded.
        """

    @property
    def snapshots(self) -> Snapshots:
        """What reads all that the owner has.

        Errors: CredentialNeeded.
        """

    def count_import(self, size: int) -> None:
        """Count the bytes of an import.

        Errors: LimitExceeded.
        """


@dataclass(frozen=True)
class OperatorStores:
    """What answers an operator.

    `count_records` counts what is in the collections of all owners; None where there are none.
    """

    stats: StatsStore
    count_records: Callable[[], Mapping[str, int]] | None
    steps: Steps
    places: Places


class Backend(Protocol):
    """What puts the parts of a request together; each connection is closed behind the answer.

    Errors: every method may raise StoreUnavailable.
    """

    def connect(self, call: "Call", owner: str | None) -> Stores:
        """Connect for an owner of what the request makes, None for anyone."""

    def connect_operator(self, call: "Call") -> OperatorStores:
        """Connect for an operator."""

    def make_probes(self, call: "Call") -> Mapping[str, Callable[[], Health]]:
        """Make what asks each part that a turn needs how it is."""

    def count_session(self, call: "Call") -> None:
        """Count a new credential.

        Errors: LimitExceeded.
        """

    def erase(self, call: "Call", owner: str) -> Receipt:
        """Remove all of an owner from each store, whatever becomes of the others.

        Errors: LimitExceeded.
        """


@dataclass(frozen=True)
class Outside:
    """What comes from outside, and is no store: variables, times, chance.

    `timer` only ever goes forward. `make_token` makes a credential that nobody can guess;
    `describe_api` describes what is served, which no handler can know.
    """

    get_variable: Getter
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
    """One request; what it says is parsed when it is asked for, and once.

    Shapes: `path` has the segments of its path that have a name; `terms` are those of its
            operation; `fencing` is a random value.
    """

    request: Request
    path: Mapping[str, str]
    terms: Terms
    fencing: str
    outside: Outside
    backend: Backend

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
        """What the operator decided.

        Errors: InvalidSetting.
        """
        return parse_settings(self.outside.get_variable)

    @cached_property
    def caller(self) -> Caller:
        """Who asks; where no owner's credential counts, only from where.

        Errors: InvalidCredential.
        """
        header = self.settings.client_address_header
        if self.terms.access in {"none", "admin"}:
            return parse_stranger(self.headers, header)
        return parse_caller(self.request.method, self.headers, header)

    @cached_property
    def body(self) -> bytes:
        """The body; none where the operation takes none.

        Errors: TooLarge, RequestTimeout, InvalidRequest.
        """
        if self.terms.takes is None:
            return b""
        return self.request.read_body(body_limit(self.terms.takes, self.settings))

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self.outside.clock()

    def connect(self, adds: Adds = "", owner: str | None = None) -> Stores:
        """Connect to the stores, and count the request there if its operation says so.

        `owner` is that of what it makes, where that is not the caller.
        Errors: LimitExceeded, StoreUnavailable; StorageFull if what it `adds` has no room.
        """
        stores = self.backend.connect(self, owner or self.caller.owner)
        if self.terms.counts == "turn":
            stores.turns.admit(None, adds)
        return stores
