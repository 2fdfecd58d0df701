"""Decides what the address of a server may be.

Spin reads each address as an entry of `allowed_outbound_hosts`, and an address that it cannot read
fails every connection of the component. So an address that is accepted here must be one that Spin
accepts: it names a port if its scheme has no default port or its host is an IPv6 address, and a
host that ends in a number is a whole IPv4 address.

Source: spin `crates/outbound-networking-config/src/allowed_hosts.rs`.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
ADDRESS = re.compile(
    rf"(?P<scheme>[a-z]+)://(?P<authority>(?P<host>{HOST.pattern})(?::(?P<port>[0-9]{{1,5}}))?)/?"
)
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
HAVE_A_PORT = ("http", "https", "redis")
MAX_PORT = 65535


def parse_address(text: str, schemes: Sequence[str]) -> tuple[str, str] | None:
    """Return the scheme and the `host:port` of an address; None if it cannot be used."""
    match = ADDRESS.fullmatch(text.strip())
    if match is None or match["scheme"] not in schemes or not _names_host(match["host"]):
        return None
    if match["port"] is None:
        is_whole = match["scheme"] in HAVE_A_PORT and not match["host"].startswith("[")
    else:
        is_whole = int(match["port"]) <= MAX_PORT
    return (match["scheme"], match["authority"]) if is_whole else None


def is_host(text: str) -> bool:
    """Whether a text is the name of a host, or an IP address with IPv6 in brackets."""
    return HOST.fullmatch(text) is not None and _names_host(text)


def _names_host(host: str) -> bool:
    """Whether a host is a name or a valid IP address."""
    last_label = host.removesuffix(".").rpartition(".")[2]
    if not host.startswith("[") and not NUMBER.fullmatch(last_label):
        return True
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


RedisMode = Literal["single", "cluster", "sentinel"]


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis is, with its credential, and how long it may take.

    Shapes: `nodes` are `host:port` of a server, of a cluster's nodes in the order of their slots or
            one that knows the others, or of sentinels, which know the master by `master_name`.
            `login` is user and password before an `@`, or empty.
    Units: `timeout_s` in seconds, for each call and for connecting; a request waits for no longer
           than `turn_s` seconds in all for a cluster or a master.
    """

    scheme: str
    nodes: tuple[str, ...]
    database: int
    timeout_s: int
    login: str = field(default="", repr=False)
    mode: RedisMode = "single"
    master_name: str = ""
    sentinel_login: str = field(default="", repr=False)
    turn_s: int = 0

    @property
    def url(self) -> str:
        """The URL of the first server."""
        return self.url_of(self.nodes[0])

    def url_of(self, node: str) -> str:
        """Return the URL of a server that has keys."""
        return f"{self.scheme}://{self.login}{node}/{self.database}"

    def sentinel_url_of(self, node: str) -> str:
        """Return the URL of a sentinel."""
        return f"{self.scheme}://{self.sentinel_login}{node}"


@dataclass(frozen=True)
class Origin:
    """Where HTTP requests go; `authority` is host and port."""

    scheme: str
    authority: str


@dataclass(frozen=True)
class ModelEndpoint:
    """Where an OpenAI-compatible model is.

    Shapes: `parameters` are those of a request that it takes beside the messages.
    Units: `image_tokens` is the most tokens that one image takes there; 0 if it takes none.
    """

    origin: Origin
    path: str
    key: str = field(repr=False)
    image_tokens: int
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class ChromaAddress:
    """Where Chroma is, and which of its databases is used."""

    origin: Origin
    tenant: str
    database: str
    token: str = field(repr=False)
