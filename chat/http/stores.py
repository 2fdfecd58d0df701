"""The parts that a handler acts with, for an owner or for an operator."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from chat.usecases.begin import Beginner
from chat.usecases.branch import BranchMaker
from chat.usecases.clean_up import Places, Steps
from chat.usecases.complete import Completer
from chat.usecases.ports import Embedder, LongTermMemory, OwnedStore, TurnStore
from chat.usecases.respond import Responder
from chat.usecases.search import Searcher
from chat.usecases.snapshots import Snapshots
from chat.usecases.stats_port import StatsStore
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.take_back import Importer
from chat.usecases.take_turn import TurnTaker
from chat.usecases.turn_memory import Recaller


class Stores(Protocol):
    """The parts that serve one owner, each made when it is first asked for."""

    @property
    def turns(self) -> TurnStore:
        """The store that turns are loaded from and written to."""

    @property
    def conversations(self) -> OwnedStore:
        """The conversations that the caller may reach."""

    @property
    def long_term(self) -> LongTermMemory | None:
        """The owner's memories; None if this service keeps no long-term memories."""

    @property
    def memory(self) -> LongTermMemory:
        """The owner's memories.

        Errors: MemoryOff.
        """

    @property
    def embedder(self) -> Embedder:
        """The embedder, which is asked only once for each text."""

    @property
    def recaller(self) -> Recaller:
        """The part that recalls memories for a turn and remembers the turn."""

    @property
    def turn_taker(self) -> TurnTaker:
        """The part that takes a turn."""

    @property
    def completer(self) -> Completer:
        """The part that replies to messages that are not kept."""

    @property
    def stopwatch(self) -> Stopwatch:
        """The stopwatch that times the request."""

    @property
    def branch_maker(self) -> BranchMaker:
        """The part that makes branches."""

    @property
    def searcher(self) -> Searcher:
        """The part that searches the owner's conversations.

        Errors: CredentialNeeded.
        """

    @property
    def beginner(self) -> Beginner:
        """The part that begins conversations.

        Errors: CredentialNeeded.
        """

    @property
    def responder(self) -> Responder:
        """The part that responds to items.

        Errors: CredentialNeeded.
        """

    @property
    def importer(self) -> Importer:
        """The part that takes an export back.

        Errors: CredentialNeeded.
        """

    @property
    def snapshots(self) -> Snapshots:
        """The part that reads everything that the owner has.

        Errors: CredentialNeeded.
        """

    async def count_import(self, size: int) -> None:
        """Count the bytes of an import.

        Errors: LimitExceeded.
        """


@dataclass(frozen=True)
class OperatorStores:
    """The parts that serve an operator.

    `count_records` counts the records in the collections of all owners; None if Chroma is not used.
    """

    stats: StatsStore
    count_records: Callable[[], Awaitable[Mapping[str, int]]] | None
    steps: Steps
    places: Places
