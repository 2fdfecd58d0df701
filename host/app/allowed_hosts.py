"""Decides which addresses a component may connect to: `allowed_outbound_hosts`.

Source: spin `crates/outbound-networking-config/src/allowed_hosts.rs`.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from host.app.url_hosts import Host, InvalidHost, parse_host

DEFAULT_PORTS = {
    "postgres": 5432,
    "mysql": 3306,
    "redis": 6379,
    "mqtt": 1883,
    "http": 80,
    "https": 443,
}
"""The ports that an entry or an address may leave out; `rediss` and `valkey` have no such port."""
MAX_PORT = 65535
PORT = re.compile(r"\+?[0-9]+", re.ASCII)


class AllowedHostError(ValueError):
    """An entry that is not `scheme://host[:port]`; each of `reasons` is closer to the cause."""

    def __init__(self, problem: str, *reasons: str) -> None:
        super().__init__(problem)
        self.reasons = reasons

    def in_full(self) -> str:
        """Return the problem with all its reasons, for the person who wrote the entry."""
        return ": ".join((str(self), *self.reasons))


class Wide(enum.Enum):
    """The groups of hosts that an entry names by one word."""

    ANY = "any host"
    SELF = "the application itself"


@dataclass(frozen=True)
class Below:
    """All hosts whose names end in `suffix`, which starts with a dot."""

    suffix: str


HostPattern = Wide | Below | IPv4Network | IPv6Network | Host


@dataclass(frozen=True)
class AllowedHost:
    """One parsed entry.

    Shapes: `ports` is a range without its end; a `ports` or `scheme` of None allows any.
    """

    scheme: str | None
    host: HostPattern
    ports: range | None

    def permits(self, scheme: str, host: Host, port: int | None) -> bool:
        """Whether a connection is permitted; a `port` of None is the scheme's default port."""
        if self.scheme is not None and self.scheme != scheme:
            return False
        port = DEFAULT_PORTS.get(scheme) if port is None else port
        if self.ports is not None and port not in self.ports:
            return False
        return host_matches(self.host, host)

    @property
    def permits_self(self) -> bool:
        """Whether this entry lets the component call its own application."""
        return self.scheme in (None, "http", "https") and isinstance(self.host, Wide)


def host_matches(pattern: HostPattern, host: Host) -> bool:
    """Whether a pattern matches a host; names are compared as text, without DNS."""
    if isinstance(pattern, Wide):
        return pattern is Wide.ANY
    if isinstance(pattern, Below):
        return isinstance(host, str) and host.endswith(pattern.suffix)
    if isinstance(pattern, IPv4Network | IPv6Network):
        return not isinstance(host, str) and host in pattern
    return pattern == host


def permits_url(allowed: Sequence[AllowedHost], url: str, default_scheme: str) -> bool:
    """Whether a connection to `url` is permitted; a URL without a scheme has `default_scheme`."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = default_scheme, url
    try:
        host, port = _parse_authority(rest)
    except ValueError:
        return False
    return any(entry.permits(scheme.lower(), host, port) for entry in allowed)


def _parse_authority(rest: str) -> tuple[Host, int | None]:
    """Parse host and port; a user and a password before them may have any character but `/`.

    Errors: ValueError.
    """
    user, at, behind = rest.partition("@")
    if at and "/" not in user:
        rest = behind
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host, bracket, tail = authority.rpartition("]")
    name, colon, port = tail.partition(":")
    if colon and port and not (PORT.fullmatch(port) and int(port) <= MAX_PORT):
        raise InvalidHost("invalid port number")
    return parse_host(f"{host}{bracket}{name}"), int(port) if port else None


def permits_self(allowed: Sequence[AllowedHost]) -> bool:
    """Whether the component may call its own application."""
    return any(entry.permits_self for entry in allowed)
