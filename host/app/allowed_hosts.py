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
"""Ports that an entry or an address may leave out; `rediss` and `valkey` have none."""
MAX_PORT = 65535
PORT = re.compile(r"\+?[0-9]+", re.ASCII)


class AllowedHostError(ValueError):
    """An entry that is no `scheme://host[:port]`; `reasons` say why, each more closely."""

    def __init__(self, problem: str, *reasons: str) -> None:
        super().__init__(problem)
        self.reasons = reasons

    def in_full(self) -> str:
        """Return the problem with its reasons, as whoever wrote the entry wants them."""
        return ": ".join((str(self), *self.reasons))


class Wide(enum.Enum):
    """Hosts that an entry names by one word."""

    ANY = "any host"
    SELF = "the application itself"


@dataclass(frozen=True)
class Below:
    """All hosts whose names end in `suffix`, which starts with a dot."""

    suffix: str


HostPattern = Wide | Below | IPv4Network | IPv6Network | Host


@dataclass(frozen=True)
class AllowedHost:
    """One parsed entry. `ports` is half-open, None for any; `scheme` None for any."""

    scheme: str | None
    host: HostPattern
    ports: range | None

    def permits(self, scheme: str, host: Host, port: int | None) -> bool:
        """Whether a connection is permitted; a port that is not said is the scheme's own."""
        if self.scheme is not None and self.scheme != scheme:
            return False
        port = DEFAULT_PORTS.get(scheme) if port is None else port
        if self.ports is not None and port not in self.ports:
            return False
        return host_matches(self.host, host)

    @property
    def permits_self(self) -> bool:
        """Whether the application may be called by itself."""
        return self.scheme in (None, "http", "https") and isinstance(self.host, Wide)


def host_matches(pattern: HostPattern, host: Host) -> bool:
    """Whether a host is one of those that a pattern means; names are compared as text, no DNS."""
    if isinstance(pattern, Wide):
        return pattern is Wide.ANY
    if isinstance(pattern, Below):
        return isinstance(host, str) and host.endswith(pattern.suffix)
    if isinstance(pattern, IPv4Network | IPv6Network):
        return not isinstance(host, str) and host in pattern
    return pattern == host


def permits_url(allowed: Sequence[AllowedHost], url: str, default_scheme: str) -> bool:
    """Whether `url` may be connected to; without a scheme it has `default_scheme`."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = default_scheme, url
    try:
        host, port = _parse_authority(rest)
    except ValueError:
        return False
    return any(entry.permits(scheme.lower(), host, port) for entry in allowed)


def _parse_authority(rest: str) -> tuple[Host, int | None]:
    """Parse host and port; user and password may have any character but `/`.

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
