"""Parses the entries of `allowed_outbound_hosts`, and checks them when a manifest is loaded.

Source: spin `crates/outbound-networking-config/src/allowed_hosts.rs`.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from ipaddress import ip_network

from host.app.allowed_hosts import (
    DEFAULT_PORTS,
    MAX_PORT,
    PORT,
    AllowedHost,
    AllowedHostError,
    Below,
    HostPattern,
    Wide,
)
from host.app.expressions import Template
from host.app.url_hosts import InvalidHost, parse_host
from host.wording import quoted

NETWORK = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
ALLOW_ALL = "insecure:allow-all"
FORM = "Hosts must be in the form <scheme>://<host>[:<port>], '*' may stand for each"


def parse_allowed_host(entry: str) -> AllowedHost:
    """Parse one entry.

    Errors: AllowedHostError, in Spin's words.
    """
    text = entry.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise AllowedHostError(*_no_scheme(text))
    host, colon, port = rest.rpartition(":")
    if not colon:
        host, port = port, ""
    port, _, path = port.partition("/")
    if path:
        raise AllowedHostError(f"{quoted(text)} has a path but is not allowed to")
    ports = _parse_ports(port, scheme)
    return AllowedHost(_parse_scheme(scheme), _parse_pattern(host.strip()), ports)


def _no_scheme(text: str) -> tuple[str, ...]:
    if text in ("", "*", ":", "?"):
        return f"{quoted(text)} is not an allowed outbound host format", FORM
    return (f"{quoted(text)} does not contain a scheme (e.g., 'http://' or '*://')",)


def _parse_scheme(scheme: str) -> str | None:
    problem = f"Invalid allowed host scheme {quoted(scheme)}"
    if scheme.startswith("{"):
        raise AllowedHostError(problem, "scheme lists are not supported")
    if scheme and scheme != "*" and not scheme.isalpha():
        raise AllowedHostError(problem, "only alphabetic characters are allowed")
    return None if scheme == "*" else scheme


def _parse_ports(text: str, scheme: str) -> range | None:
    if text == "*":
        return None
    problem = f"Invalid allowed host port {quoted(text)}"
    if not text:
        default = DEFAULT_PORTS.get(scheme)
        if default is None:
            raise AllowedHostError(
                problem,
                f"no port was provided and the scheme {quoted(scheme)} "
                "does not have a known default port number",
            )
        return range(default, default + 1)
    if text.startswith("{"):
        raise AllowedHostError(problem, "port lists are not yet supported")
    first, dots, last = text.partition("..")
    numbers = [first, last] if dots else [first]
    if not all(PORT.fullmatch(number) and int(number) <= MAX_PORT for number in numbers):
        what = "port range {} contains non-number" if dots else "port {} is not a number"
        raise AllowedHostError(problem, what.format(quoted(text)))
    return range(int(first), int(last) if dots else int(first) + 1)


def _parse_pattern(text: str) -> HostPattern:
    if text == "*":
        return Wide.ANY
    if text in ("self", "self.alt"):
        return Wide.SELF
    if NETWORK.fullmatch(text):
        with contextlib.suppress(ValueError):
            return ip_network(text, strict=False)
    host = text.rstrip("/")
    problem = f"Invalid allowed host {quoted(text)}"
    if host.startswith("{"):
        raise AllowedHostError(problem, "host lists are not yet supported")
    if "/" in host:
        raise AllowedHostError(problem, "must not include a path")
    if host.startswith("*.") and "*" not in host[1:]:
        return Below(host[1:])
    if "*" in host:
        where = "prefixes" if host.startswith("*.") else "subdomains"
        raise AllowedHostError(problem, f"wildcards are allowed only as {where}")
    try:
        return parse_host(host)
    except InvalidHost as error:
        raise AllowedHostError(problem, str(error)) from error


def check_entries(entries: Sequence[Template], default: Callable[[str], str | None]) -> None:
    """Check that each entry can be used with the variables' defaults.

    An entry with a variable that has no default is not checked, as its value is not known yet.

    Errors: AllowedHostError.
    """
    if [str(entry) for entry in entries] == [ALLOW_ALL]:
        raise AllowedHostError(f"'{ALLOW_ALL}' is not allowed", "use '*://*:*' instead")
    for entry in entries:
        defaults = {key: default(key) for key in entry.keys}
        known = {key: value for key, value in defaults.items() if value is not None}
        if len(known) == len(defaults):
            _check_entry(entry, known.__getitem__)


def _check_entry(entry: Template, get: Callable[[str], str]) -> None:
    resolved = entry.resolve(get)
    try:
        parse_allowed_host(resolved)
    except AllowedHostError as error:
        if not entry.keys:
            raise
        problem = (
            f"using default variable value(s) with template {quoted(str(entry))} "
            f"results in invalid config {quoted(resolved)}"
        )
        raise AllowedHostError(problem, str(error), *error.reasons) from error


def resolve_entries(
    entries: Sequence[Template], get: Callable[[str], str]
) -> Sequence[AllowedHost]:
    """Parse all entries with the values of the variables; one bad entry fails them all.

    Errors: AllowedHostError; the errors of `get`.
    """
    return [parse_allowed_host(entry.resolve(get)) for entry in entries]
