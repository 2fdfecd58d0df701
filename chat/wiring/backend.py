"""Connects a request to the stores and models that it needs."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from chat.core.served import Tally
from chat.http.call import Call, Probes
from chat.http.stores import OperatorStores
from chat.redis.connection import Redis
from chat.spin.host import Host
from chat.usecases.erase import Receipt, erase
from chat.usecases.ports import Later
from chat.wiring.credentials import count_session, erasure, make_erasers
from chat.wiring.models import Means
from chat.wiring.operators import OperatorRequest
from chat.wiring.probes import make_probes
from chat.wiring.requests import RequestStores
from chat.wiring.whole import Who


@dataclass(frozen=True)
class SpinBackend:
    """The `Backend` of a request on Spin.

    `closing` closes what was opened for it; `later` runs what only later requests need before that.
    `tally` counts it.
    """

    host: Host
    closing: AsyncExitStack
    make_word: Callable[[], str]
    later: Later
    tally: Tally

    async def connect(self, call: Call, owner: str | None) -> RequestStores:
        """Connect to Redis, and return the parts for an owner; None for `owner` is anyone."""
        who = Who(call.caller, owner, call.fencing)
        return RequestStores(await self._open(call), call.settings, who, self._means(call))

    async def connect_operator(self, call: Call) -> OperatorStores:
        """Connect to Redis, and return the parts of an operator's request."""
        means = self._means(call)
        return OperatorRequest(await self._open(call), call.settings, call.fencing, means).make()

    def make_probes(self, call: Call, *, is_scrape: bool) -> Probes:
        """Return the functions that check each part that a turn needs, by the part's name."""
        return make_probes(
            self.host, call.settings, self.make_word, call.outside.clock, is_scrape=is_scrape
        )

    async def count_session(self, call: Call) -> None:
        """Count a new credential: a client's address may make so many a minute.

        Errors: LimitExceeded, StoreUnavailable.
        """
        await count_session(self.host, call.settings, call.caller)

    async def erase(self, call: Call, owner: str) -> Receipt:
        """Remove all data of an owner; this counts as a turn of the client's address.

        It cannot count as a turn of the owner, whose counters are removed as well.
        """
        who = Who(replace(call.caller, owner=None), None, call.fencing)
        async with erasure(call.settings, who, owner, self._means(call)) as is_marked:
            return await erase(make_erasers(self.host, call.settings, owner, is_marked=is_marked))

    async def _open(self, call: Call) -> Redis:
        opened = self.host.open_redis(call.settings.redis)
        return Redis(await self.closing.enter_async_context(opened))

    def _means(self, call: Call) -> Means:
        until = (
            self.host.moment_in(call.settings.turn_timeout_s) if call.terms.has_deadline else None
        )
        outside = call.outside
        return Means(
            self.host, outside.clock, outside.timer, self.make_word, self.later, self.tally, until
        )
