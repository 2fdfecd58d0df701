"""Connects a request to the stores and models that it needs."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from chat.http.call import Call, OperatorStores
from chat.redis.connection import Redis
from chat.spin.clock import moment_in
from chat.spin.host import open_redis
from chat.usecases.check_health import Health
from chat.usecases.erase import Receipt, erase
from chat.wiring.credentials import count_session, erasure, make_erasers
from chat.wiring.models import Means
from chat.wiring.operators import AdminParts
from chat.wiring.probes import make_probes
from chat.wiring.requests import RequestStores, Who


@dataclass(frozen=True)
class SpinBackend:
    """The `Backend` of a request on Spin; `closing` closes what was opened for it."""

    closing: ExitStack
    make_word: Callable[[], str]

    def connect(self, call: Call, owner: str | None) -> RequestStores:
        """Connect to Redis, and return the parts for an owner; None for `owner` is anyone."""
        who = Who(call.caller, owner, call.fencing)
        return RequestStores(self._open(call), call.settings, who, self._means(call))

    def connect_operator(self, call: Call) -> OperatorStores:
        """Connect to Redis, and return the parts of an operator's request."""
        means = self._means(call)
        return AdminParts(self._open(call), call.settings, call.fencing, means).make()

    def make_probes(self, call: Call) -> Mapping[str, Callable[[], Health]]:
        """Return the functions that check each part that a turn needs, by the part's name."""
        return make_probes(call.settings, self.make_word)

    def count_session(self, call: Call) -> None:
        """Count a new credential: a client's address may make so many a minute.

        Errors: LimitExceeded, StoreUnavailable.
        """
        count_session(call.settings, call.caller)

    def erase(self, call: Call, owner: str) -> Receipt:
        """Remove all data of an owner; this counts as a turn of the client's address.

        It cannot count as a turn of the owner, whose counters are removed as well.
        """
        who = Who(replace(call.caller, owner=None), None, call.fencing)
        with erasure(call.settings, who, owner, self._means(call)) as is_marked:
            return erase(make_erasers(call.settings, owner, is_marked=is_marked))

    def _open(self, call: Call) -> Redis:
        return Redis(self.closing.enter_context(open_redis(call.settings.redis_url)))

    def _means(self, call: Call) -> Means:
        until = moment_in(call.settings.turn_timeout_s) if call.terms.has_deadline else None
        return Means(call.outside.clock, call.outside.timer, self.make_word, until)
