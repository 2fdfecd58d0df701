"""The host's pure decisions, as tables of cases. Source: the unit tests named in each test."""

import pytest

from host.abi.linker import missing
from host.app.allowed_host_entries import parse_allowed_host
from host.app.allowed_hosts import permits_self, permits_url
from host.app.expressions import ExpressionError, parse_key, parse_template


@pytest.mark.parametrize(
    ("entry", "url", "is_permitted"),
    [
        pytest.param("http://a.test", "http://a.test/x?y", True, id="default port of http"),
        pytest.param("http://a.test", "http://a.test:81", False, id="another port"),
        pytest.param("https://a.test", "http://a.test", False, id="another scheme"),
        pytest.param("*://a.test:443", "https://a.test", True, id="any scheme"),
        pytest.param("http://a.test:*", "http://a.test:9", True, id="any port"),
        pytest.param("http://a.test:80..82", "http://a.test:81", True, id="inside a port range"),
        pytest.param("http://a.test:80..82", "http://a.test:82", False, id="a range is half-open"),
        pytest.param("http://*:80", "http://b.test", True, id="any host"),
        pytest.param("http://*.a.test", "http://x.a.test", True, id="a subdomain"),
        pytest.param("http://*.a.test", "http://y.x.a.test", True, id="a deeper subdomain"),
        pytest.param("http://*.a.test", "http://a.test", False, id="not the bare domain"),
        pytest.param("http://*.a.test", "http://xa.test", False, id="not a longer name"),
        pytest.param("http://A.Test", "http://a.tesT", True, id="host names fold case"),
        pytest.param("redis://127.0.0.0/8:6379", "redis://127.1.2.3", True, id="inside a CIDR"),
        pytest.param("redis://127.0.0.0/8:6379", "redis://128.0.0.1", False, id="outside a CIDR"),
        pytest.param(
            "redis://127.0.0.0/8:6379", "redis://localhost", False, id="no DNS for a CIDR"
        ),
        pytest.param("redis://[::1]:6379", "redis://[::1]:6379", True, id="IPv6"),
        pytest.param("redis://h.test", "redis://h.test/3", True, id="default port of redis"),
        pytest.param("redis://h.test", "rediss://h.test:6379", False, id="rediss is not redis"),
        pytest.param(
            "rediss://h.test:6380", "rediss://h.test:6380/0", True, id="rediss with its port"
        ),
        pytest.param(
            "redis://h.test", "redis://user:p%40ss@h.test", True, id="user info is ignored"
        ),
        pytest.param("redis://h.test", "h.test:6379", True, id="an address without scheme"),
        pytest.param("http://a.test/", "http://a.test", True, id="a trailing slash"),
        pytest.param("http://self", "http://other.test", False, id="self is no host"),
        pytest.param("http://a.test", "http://", False, id="no host"),
        pytest.param("http://a.test", "http://a.test:notaport", False, id="a bad port"),
    ],
)
def test_a_connection_is_permitted_as_the_entry_says(
    entry: str, url: str, is_permitted: bool
) -> None:
    """Source: spin allowed_hosts.rs, `mod test`."""
    default = "redis" if "redis" in entry else "http"

    assert permits_url([parse_allowed_host(entry)], url, default) is is_permitted


def test_an_application_may_call_itself_if_an_entry_says_self_or_any_host() -> None:
    assert permits_self([parse_allowed_host("http://self")])
    assert permits_self([parse_allowed_host("http://*:*")])
    assert not permits_self([parse_allowed_host("http://127.0.0.1:*")])


@pytest.mark.parametrize("key", ["a", "abc", "a1", "a_b", "a_1_b2"])
def test_a_good_variable_name_is_taken(key: str) -> None:
    """Source: spin expressions lib.rs, `keys_good`."""
    assert parse_key(key) == key


@pytest.mark.parametrize("key", ["", "_", "_a", "a_", "1a", "a__b", "A", "a-b", "a!b", "a b", "ä"])
def test_a_bad_variable_name_is_refused(key: str) -> None:
    """Source: spin expressions lib.rs, `keys_bad`."""
    with pytest.raises(ExpressionError, match=f'^"{key}": '):
        parse_key(key)


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("plain", "plain", id="no expression"),
        pytest.param("{{ a }}", "<a>", id="one"),
        pytest.param("{{a}}{{ b  }}", "<a><b>", id="two, with and without spaces"),
        pytest.param("x {{ a }} y", "x <a> y", id="between text"),
        pytest.param("}} {", "}} {", id="lone closing signs are text"),
    ],
)
def test_a_template_is_resolved(text: str, resolved: str) -> None:
    """Source: spin expressions template.rs."""
    assert parse_template(text).resolve(lambda name: f"<{name}>") == resolved


@pytest.mark.parametrize("text", ["{{", "{{ a", "{{ a }"])
def test_a_bad_template_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_template(text)


@pytest.mark.parametrize(
    ("interface", "is_begun", "said"),
    [
        ("spin:sqlite/sqlite@3.0.0", False, "; Spin has that interface, this host does not"),
        ("wasi:keyvalue/store@0.2.0-draft2", False, "; Spin has that interface, this host does"),
        ("wasi:http/types@0.2.0", True, "; Spin has that function, this host does not"),
        ("my:own/thing", False, "; neither Spin nor this host has that interface"),
    ],
)
def test_what_a_component_calls_and_is_not_here_is_named(
    interface: str, is_begun: bool, said: str
) -> None:
    told = missing(interface, "open", is_begun=is_begun)

    assert told.startswith(f"the component called {interface}#open{said}")
