"""Decides which addresses a component may connect to: `allowed_outbound_hosts`.

Source: spin `crates/outbound-networking-config/src/allowed_hosts.rs`.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {
    "postgres": 5432,
    "mysql": 3306,
    "redis": 6379,
    "mqtt": 1883,
    "http": 80,
    "https": 443,
}
"""Ports that an entry or an address may leave out; `rediss` and `valkey` have none."""
NOTHING = ("", "http://", "https://")
"""What an entry may resolve to that permits nothing: an optional address that was not set."""
SELF = "self"
MAX_PORT = 65535


class AllowedHostError(ValueError):
    """An entry that is no `scheme://host[:port]`."""


@dataclass(frozen=True)
class AllowedHost:
    """One parsed entry. `ports` is half-open, None for any; `scheme` None for any."""

    scheme: str | None
    host: str
    ports: range | None

    def permits(self, scheme: str, host: str, port: int | None) -> bool:
        """Say whether a connection to `host` (lower case, without brackets) is permitted."""
        if self.scheme is not None and self.scheme != scheme:
            return False
        if self.ports is not None and port not in self.ports:
            return False
        return host_matches(self.host, host)


def host_matches(pattern: str, host: str) -> bool:
    """Compare as text: `*`, `*.domain` (not the bare domain), a CIDR, or the same host."""
    if pattern == "*":
        return host != SELF
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    if "/" in pattern:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
        except ValueError:
            return False
    return pattern == host


def parse_allowed_host(entry: str) -> AllowedHost:
    """Parse one entry.

    Errors: AllowedHostError, which quotes the entry.
    """
    if entry == "insecure:allow-all":
        raise AllowedHostError("'insecure:allow-all' is not allowed; use '*://*:*' instead")
    scheme, separator, rest = entry.partition("://")
    if not separator:
        raise AllowedHostError(f"'{entry}' does not contain a scheme (e.g., 'http://')")
    if not (scheme == "*" or (scheme.isascii() and scheme.isalpha())):
        raise AllowedHostError(f"'{entry}' has an invalid scheme '{scheme}'")
    host, port = _split_port(entry, rest)
    return AllowedHost(
        None if scheme == "*" else scheme.lower(),
        _parse_host(entry, host),
        _parse_ports(entry, port, scheme),
    )


def _split_port(entry: str, rest: str) -> tuple[str, str | None]:
    if "@" in rest:
        raise AllowedHostError(f"'{entry}' must not contain user info")
    host, bracket, tail = rest.partition("]") if rest.startswith("[") else ("", "", rest)
    if bracket:
        host += bracket
    name, colon, port = tail.partition(":")
    host += name
    return (host, port) if colon else (host, None)


def _parse_host(entry: str, host: str) -> str:
    address, slash, prefix = host.partition("/")
    if slash and prefix == "":
        host = address
    elif slash:
        try:
            return str(ipaddress.ip_network(host, strict=False))
        except ValueError:
            raise AllowedHostError(f"'{entry}' must not contain a path") from None
    if not host or ("*" in host and host != "*" and (not host.startswith("*.") or "*" in host[1:])):
        raise AllowedHostError(f"'{entry}' has an invalid host '{host}'")
    return host.strip("[]").lower()


def _parse_ports(entry: str, port: str | None, scheme: str) -> range | None:
    if port is None:
        if scheme == "*":
            raise AllowedHostError(f"'{entry}' needs a port, as its scheme is '*'")
        default = DEFAULT_PORTS.get(scheme)
        if default is None:
            raise AllowedHostError(f"'{entry}' needs a port, as '{scheme}' has no default port")
        return range(default, default + 1)
    port, slash, path = port.partition("/")
    if slash and path:
        raise AllowedHostError(f"'{entry}' must not contain a path")
    if port == "*":
        return None
    first, dots, last = port.partition("..")
    if not first.isdecimal() or (dots and not last.isdecimal()):
        raise AllowedHostError(f"'{entry}' has an invalid port '{port}'")
    ports = range(int(first), int(last) if dots else int(first) + 1)
    if not ports or ports[-1] > MAX_PORT:
        raise AllowedHostError(f"'{entry}' has an invalid port '{port}'")
    return ports


def permits_url(allowed: Sequence[AllowedHost], url: str, default_scheme: str) -> bool:
    """Say whether `url` may be connected to; without a scheme it has `default_scheme`."""
    try:
        parts = urlsplit(url if "://" in url else f"{default_scheme}://{url}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return False
    if not host:
        return False
    port = port if port is not None else DEFAULT_PORTS.get(parts.scheme)
    return any(entry.permits(parts.scheme, host, port) for entry in allowed)


def permits_self(allowed: Sequence[AllowedHost]) -> bool:
    """Say whether the component may call its own application."""
    return any(entry.host == SELF for entry in allowed)
