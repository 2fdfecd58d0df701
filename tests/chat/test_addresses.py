"""What the settings take for an address, Spin and our host take for an allowed host."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.core.addresses import parse_address
from chat.core.errors import InvalidSetting
from chat.settings import parse_settings
from host.app.allowed_host_entries import parse_allowed_host
from host.app.allowed_hosts import AllowedHostError, permits_url
from tests.running import ROOT

DEFAULTS = {
    name: entry["default"]
    for name, entry in tomllib.loads((ROOT / "spin.toml").read_text())["variables"].items()
}

TAKEN = [
    ("redis_address", "redis://127.0.0.1:6379"), ("redis_address", "rediss://redis.test:6380"),
    ("redis_address", "redis://redis.test"), ("redis_address", "redis://[::1]:6379"),
    ("redis_address", "redis://redis.test:6379/"), ("redis_address", "redis://Redis.Test:1"),
    ("model_origin", "http://127.0.0.1:8080"), ("model_origin", "https://models.test"),
    ("model_origin", "https://models.test/"), ("model_origin", "http://[::1]:8080"),
    ("chroma_address", "http://chroma_1.test:8000"),
]  # fmt: skip
REFUSED = [
    ("redis_address", ""), ("redis_address", "redis.test:6379"), ("redis_address", "redis://"),
    ("redis_address", "rediss://redis.test"), ("redis_address", "redis://redis.test:65536"),
    ("redis_address", "redis://user:word@redis.test:6379"), ("redis_address", "redis://[::1]"),
    ("redis_address", "redis://redis.test:6379/3"), ("redis_address", "redis://300.1.1.1:1"),
    ("model_origin", ""), ("model_origin", "https://models.test/v1"),
    ("model_origin", "https://key@models.test"), ("model_origin", "models.test"),
    ("chroma_address", ""), ("chroma_address", "http://chroma.test:port"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "address"), TAKEN)
def test_an_address_that_is_taken_is_an_allowed_host(name: str, address: str) -> None:
    settings = parse_settings((DEFAULTS | {name: address}).__getitem__)

    entry = parse_allowed_host(address)
    url = settings.redis.url if name == "redis_address" else address
    assert permits_url([entry], url, "redis")


@pytest.mark.parametrize(("name", "address"), REFUSED)
def test_an_address_that_is_no_allowed_host_is_refused_by_name(name: str, address: str) -> None:
    with pytest.raises(InvalidSetting, match=f"`{name}`"):
        parse_settings((DEFAULTS | {name: address}).__getitem__)


@pytest.mark.parametrize(
    "address", [address for _, address in REFUSED if "://" not in address or "@" in address]
)
def test_what_has_no_scheme_or_a_user_is_no_allowed_host(address: str) -> None:
    with pytest.raises(AllowedHostError):
        parse_allowed_host(address)


PIECES = [
    "redis", "rediss", "http", "https", "HTTP", "://", ":", "/", "//", "@", "[::1]", "[::g]", "[",
    "]", "127.0.0.1", "127.1", "256.1.1.1", "09", "0x1", "a.test", "A_1", "*", ".", "..", "-", " ",
    "0", "80", "65535", "65536", "99999", "?", "#", "%61", "é",
]  # fmt: skip


@given(
    st.sampled_from(["redis", "rediss", "http", "https"]),
    st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
)
def test_whatever_is_taken_is_an_allowed_host_that_permits_it(scheme: str, rest: str) -> None:
    address = parse_address(f"{scheme}://{rest}", [scheme])

    if address is not None:
        url = f"{address[0]}://{address[1]}/0"
        assert permits_url([parse_allowed_host(f"{scheme}://{rest}")], url, scheme)
