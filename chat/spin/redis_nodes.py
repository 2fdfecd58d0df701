"""What both builds say of the servers of a cluster, and of those that sentinels know."""

from collections.abc import Callable

from chat.core.addresses import RedisAddress
from chat.spin.answers import Moment

ADDRESS_DENIED = "the host does not allow `redis_address`"
NODE_DENIED = "the host does not allow the address of a server: see `redis_nodes`"


class NodeTimes:
    """Until when a request may wait for servers; it begins now."""

    def __init__(self, address: RedisAddress, moment_in: Callable[[float], Moment]) -> None:
        self._moment_in = moment_in
        self._timeout_s = address.timeout_s
        self._end = moment_in(address.turn_s)

    def last_moment(self) -> Moment:
        """Return until when a call may wait that met trouble now."""
        return min(self._moment_in(self._timeout_s), self._end)
