"""The hosts that one instance may connect to, with the manifest's templates resolved."""

from collections.abc import Sequence

from host.app.allowed_host_entries import resolve_entries
from host.app.allowed_hosts import AllowedHost, AllowedHostError
from host.app.manifest import Component
from host.app.variables import Resolver
from host.terminal import say

HOSTS = "allowed hosts"
"""The key under which a component's allowed hosts are kept; no variable can have this name."""


class AllowedHosts:
    """A component's allowed hosts, resolved at the first check and then fixed.

    All application variables are resolved for this. As in Spin, a variable without a value, or an
    entry that cannot be used with the variables' values, makes every check fail.
    """

    def __init__(self, component: Component, resolver: Resolver) -> None:
        self._component = component
        self._resolver = resolver

    def get(self) -> Sequence[AllowedHost]:
        """Return the parsed entries.

        Errors: Unresolved, AllowedHostError.
        """
        return self._resolver.once(self._component.id, HOSTS, self._resolve)

    def _resolve(self) -> Sequence[AllowedHost]:
        values = self._resolver.resolve_all()

        def get(name: str) -> str:
            if name not in values:
                raise AllowedHostError(f"invalid variable name: {name}")
            return values[name]

        try:
            return resolve_entries(self._component.allowed_outbound_hosts, get)
        except AllowedHostError as error:
            say(f"Error parsing allowed outbound hosts: {error.in_full()}")
            raise
