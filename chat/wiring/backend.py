"""Connects a request to what answers it."""

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
        """Connect to Redis, and have the parts for an owner ready, None for anyone."""
        who = Who(call.caller, owner, call.fencing)
        return RequestStores(self._open(call), call.settings, who, self._means(call))

    def connect_operator(self, call: Call) -> OperatorStores:
        """Connect to Redis for an operator."""
        means = self._means(call)
        return AdminParts(self._open(call), call.settings, call.fencing, means).make()

    def make_probes(self, call: Call) -> Mapping[str, Callable[[], Health]]:
        """Make what asks each part that a turn needs how it is."""
        return make_probes(call.settings, self.make_word)

    def count_session(self, call: Call) -> None:
        """Count a new credential, of which a client's address has so many a minute."""
        count_session(call.settings, call.caller)

    def erase(self, call: Call, owner: str) -> Receipt:
        """Remove all of an owner; it counts as a turn of the client's address.

        What is kept of the owner's own turns goes with the owner.
        """
        who = Who(replace(call.caller, owner=None), None, call.fencing)
        with erasure(call.settings, who, owner, self._means(call)) as is_marked:
            return erase(make_erasers(call.settings, owner, is_marked=is_marked))

    def _open(self, call: Call) -> Redis:
        return Redis(self.closing.enter_context(open_redis(call.settings.redis_url)))

    def _means(self, call: Call) -> Means:
        until = moment_in(call.settings.turn_timeout_s) if call.terms.has_deadline else None
        return Means(call.outside.clock, call.outside.timer, self.make_word, until)
