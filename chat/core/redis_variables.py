"""Parses the variables that say where Redis is, and how many replicas have to have a turn."""

import ipaddress
import re
from typing import cast
from urllib.parse import quote

from chat.core.addresses import RedisAddress, RedisMode, is_host, parse_address
from chat.core.errors import InvalidSetting
from chat.core.limits import Replicas
from chat.core.variables import IPV6_PORT, Getter, integer, matching, one_of

MASTER_NAME = re.compile(r"[!-~]{1,100}")
NETWORK_SIGNS = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
FORM = f"`redis://host:port` or `rediss://host:port`, no more; {IPV6_PORT}"
NODES_FORM = "one host, `*.domain`, or network such as `10.0.0.0/8`"
MAX_REPLICAS, MAX_TIMEOUT_S = 100, 3600
MS_PER_S = 1000


def parse_redis(get: Getter) -> RedisAddress:
    """Parse where Redis is; user and password are percent-encoded.

    Errors: InvalidSetting.
    """
    scheme, authority = _address(get("redis_address"), "redis_address")
    mode = cast("RedisMode", one_of(get, "redis_mode", ("single", "cluster", "sentinel")))
    _check_nodes(get("redis_nodes").strip())
    database = integer(get, "redis_database", 0, 1_000_000)
    login = _login(get)
    timeout_s = integer(get, "redis_timeout_s", 1, MAX_TIMEOUT_S)
    if mode == "single":
        return RedisAddress(scheme, (authority,), database, timeout_s, login)
    if mode == "cluster" and database:
        raise InvalidSetting("redis_database", "0 with `redis_mode` cluster, which has no other")
    password = quote(get("redis_sentinel_password"), safe="")
    return RedisAddress(
        scheme,
        (authority, *_others(get, scheme)),
        database,
        timeout_s,
        login,
        mode,
        matching(get, "redis_master_name", MASTER_NAME, "the name that sentinels know"),
        f":{password}@" if password else "",
        integer(get, "turn_timeout_s", 1, 86_400),
    )


def parse_replicas(get: Getter) -> Replicas:
    """Parse how many replicas have to have a turn, and how long that may take.

    Errors: InvalidSetting.
    """
    count = integer(get, "redis_wait_replicas", 0, MAX_REPLICAS)
    if not count:
        return Replicas()
    most_ms = integer(get, "redis_timeout_s", 1, MAX_TIMEOUT_S) * MS_PER_S - 1
    return Replicas(count, integer(get, "redis_wait_ms", 1, most_ms))


def _login(get: Getter) -> str:
    user, password = quote(get("redis_username"), safe=""), quote(get("redis_password"), safe="")
    if user and not password:
        raise InvalidSetting("redis_password", "set when `redis_username` is")
    return f"{user}:{password}@" if password else ""


def _address(text: str, name: str) -> tuple[str, str]:
    address = parse_address(text, ("redis", "rediss"))
    if address is None:
        raise InvalidSetting(name, FORM)
    return address


def _others(get: Getter, scheme: str) -> list[str]:
    """Parse the addresses behind the first one, with commas between."""
    name = "redis_other_addresses"
    found = [_address(text, name) for text in get(name).split(",") if text.strip()]
    if any(other != scheme for other, _ in found):
        raise InvalidSetting(name, "addresses with the scheme of `redis_address`")
    return [authority for _, authority in found]


def _check_nodes(text: str) -> None:
    """Check what hosts a cluster may name: in any mode Spin reads it as an allowed host."""
    if NETWORK_SIGNS.fullmatch(text):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise InvalidSetting("redis_nodes", NODES_FORM) from error
    elif text != "*" and not is_host(text.removeprefix("*.")):
        raise InvalidSetting("redis_nodes", NODES_FORM)
