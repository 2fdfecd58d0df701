"""The hosts that one instance may connect to, with the manifest's templates resolved."""

from collections.abc import Sequence

from host.allowed_hosts import NOTHING, AllowedHost, parse_allowed_host
from host.manifest import Component
from host.variables import Resolver

HOSTS = "allowed hosts"
"""Stands for them; no variable is called that."""


class AllowedHosts:
    """A component's allowed hosts, resolved at the first check and then fixed.

    Every app variable is resolved for it: one that fails makes every check fail, as in Spin.
    """

    def __init__(self, component: Component, resolver: Resolver) -> None:
        self._component = component
        self._resolver = resolver

    def get(self) -> Sequence[AllowedHost]:
        """Return the parsed entries; raises Unresolved or AllowedHostError."""
        return self._resolver.once(self._component.id, HOSTS, self._resolve)

    def _resolve(self) -> Sequence[AllowedHost]:
        values = self._resolver.resolve_all()
        texts = [
            template.resolve(values.__getitem__)
            for template in self._component.allowed_outbound_hosts
        ]
        return [parse_allowed_host(text) for text in texts if text not in NOTHING]
