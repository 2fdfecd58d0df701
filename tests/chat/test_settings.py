"""Settings: the manifest's defaults are good, an unusable value is named and never quoted."""

import tomllib

import pytest

from chat.core.addresses import ModelEndpoint, Origin
from chat.core.errors import InvalidSetting
from chat.core.memories import LongTerm
from chat.core.parameters import USUAL
from chat.settings import Settings, parse_settings
from host.app.allowed_host_entries import parse_allowed_host
from tests.running import ROOT

MANIFEST = tomllib.loads((ROOT / "spin.toml").read_text())
DEFAULTS = {name: entry["default"] for name, entry in MANIFEST["variables"].items()}


def parse(**changed: str) -> Settings:
    return parse_settings({**DEFAULTS, **changed}.__getitem__)


def test_the_manifests_defaults_are_usable() -> None:
    settings = parse()

    assert settings.redis.url == "redis://127.0.0.1:6379/0"
    assert settings.context_length == 3500


def test_the_component_is_given_every_variable_under_its_own_name() -> None:
    given = MANIFEST["component"]["chat"]["variables"]

    assert given == {name: f"{{{{ {name} }}}}" for name in DEFAULTS}


def test_credentials_are_encoded_into_the_url_and_kept_out_of_the_repr() -> None:
    settings = parse(
        redis_address="rediss://h.test:6380",
        redis_username="a@b",
        redis_password="p/:s",
        redis_database="2",
    )

    assert settings.redis.url == "rediss://a%40b:p%2F%3As@h.test:6380/2"
    assert "p%2F" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_address", "127.0.0.1:6379"),
        ("redis_address", "redis://user:pass@127.0.0.1:6379"),
        ("redis_address", "redis://127.0.0.1:6379/3"),
        ("redis_address", "http://127.0.0.1:80"),
        ("redis_address", ""),
        ("redis_database", "-1"),
        ("redis_database", "one"),
        ("key_prefix", ""),
        ("key_prefix", "a:b"),
        ("key_prefix", "{x}"),
        ("model", ""),
        ("prompt_format", "alpaca"),
        ("model_api", "other"),
        ("context_length", "63"),
        ("context_length", "3500.5"),
        ("context_length", "٣٥٠٠"),
        ("context_length", ""),
        ("max_reply_tokens", "0"),
        ("max_reply_tokens", "3500"),
        ("temperature", "warm"),
        ("temperature", "-1"),
        ("temperature", "nan"),
        ("top_p", "1.5"),
        ("top_k", "-1"),
        ("repeat_penalty", "1e3"),
        ("turn_timeout_s", "0"),
        ("max_prompt_bytes", "0"),
        ("archive_turns", "many"),
        ("max_import_bytes", "0"),
        ("recall", "semantic"),
        ("long_term", "sqlite"),
    ],
)
def test_an_unusable_value_is_named_and_not_quoted(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"the variable `{name}` must be ") as failed:
        parse(**{name: value})

    assert failed.value.status == 500
    if len(value) > 2:
        assert value not in str(failed.value)


def test_an_endpoint_is_read_only_when_it_is_asked() -> None:
    given = {"model_origin": "https://h.test", "model_key": "k3y"}

    assert parse(**given).model_endpoint is None
    endpoint = parse(model_api="openai", **given).model_endpoint
    assert endpoint == ModelEndpoint(
        Origin("https", "h.test"), "/v1/chat/completions", "k3y", 0, USUAL
    )
    assert "k3y" not in repr(endpoint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_origin", ""),
        ("model_origin", "h.test"),
        ("model_origin", "https://user:k3y@h.test"),
        ("model_origin", "https://h.test/v1"),
        ("model_path", "v1"),
        ("model_path", "/a b"),
        ("model_key", "two words"),
        ("model_key", "line\nbreak"),
        ("model_parameters", ""),
        ("model_parameters", "temperature,top_p"),
        ("model_parameters", "max_tokens,max_completion_tokens"),
        ("model_parameters", "max_tokens,max_tokens"),
        ("model_parameters", "max_tokens,top_k"),
        ("model_parameters", "max_tokens,"),
    ],
)
def test_an_unusable_endpoint_is_named(name: str, value: str) -> None:
    good = {"model_api": "openai", "model_origin": "https://h.test"}

    with pytest.raises(InvalidSetting, match=f"the variable `{name}` must be "):
        parse(**{**good, name: value})


def test_an_endpoints_parameters_are_names_with_commas_between() -> None:
    parsed = parse(
        model_api="openai", model_parameters=" max_completion_tokens , top_p"
    ).model_endpoint

    assert parsed is not None
    assert parsed.parameters == ("max_completion_tokens", "top_p")


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"redis_mode": "ring"}, "redis_mode"),
        ({"redis_nodes": ""}, "redis_nodes"),
        ({"redis_nodes": "redis://h.test"}, "redis_nodes"),
        ({"redis_nodes": "*.*.test"}, "redis_nodes"),
        ({"redis_nodes": "10.0.0.0/33"}, "redis_nodes"),
        ({"redis_mode": "cluster", "redis_database": "1"}, "redis_database"),
        ({"redis_mode": "cluster", "redis_other_addresses": "h.test"}, "redis_other_addresses"),
        (
            {"redis_mode": "cluster", "redis_other_addresses": "rediss://h.test:1"},
            "redis_other_addresses",
        ),
        ({"redis_mode": "sentinel", "redis_master_name": ""}, "redis_master_name"),
        ({"redis_wait_replicas": "-1"}, "redis_wait_replicas"),
        ({"redis_wait_replicas": "1", "redis_wait_ms": "0"}, "redis_wait_ms"),
        ({"redis_wait_replicas": "1", "redis_wait_ms": "10000"}, "redis_wait_ms"),
    ],
)
def test_an_unusable_setting_of_several_servers_is_named(
    changed: dict[str, str], name: str
) -> None:
    with pytest.raises(InvalidSetting, match=f"the variable `{name}` must be "):
        parse(**changed)


@pytest.mark.parametrize("nodes", ["*", "h.test", "*.svc.test", "10.0.0.0/8", "[::1]", "fd00::/8"])
def test_what_nodes_may_be_is_an_allowed_host(nodes: str) -> None:
    parse(redis_nodes=nodes)

    for scheme in ("redis", "rediss"):
        parse_allowed_host(f"{scheme}://{nodes}:*")


def test_several_addresses_are_in_the_order_in_which_they_are_named() -> None:
    given = parse(
        redis_mode="cluster", redis_address="redis://a.test:1",
        redis_other_addresses="redis://b.test:2, redis://c.test", redis_password="p",
    ).redis  # fmt: skip

    assert given.nodes == ("a.test:1", "b.test:2", "c.test")
    assert given.url_of("d.test:4") == "redis://:p@d.test:4/0"


def test_a_user_without_a_password_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="redis_password"):
        parse(redis_username="ada")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memories_per_turn", "51"),
        ("memory_max_distance", "2.1"),
        ("memory_min_chars", "0"),
        ("memory_max_chars", "0"),
        ("memories_per_owner", "-1"),
        ("memory_template", "{age} ago"),
        ("chroma_tenant", ""),
        ("chroma_database", "a/b"),
        ("chroma_token", "two words"),
    ],
)
def test_an_unusable_value_about_memories_is_named_where_there_are_any(
    name: str, value: str
) -> None:
    with pytest.raises(InvalidSetting, match=f"the variable `{name}` must be "):
        parse(**{"long_term": "chroma", name: value})

    assert not parse(**{name: value}).long_term.is_on


def test_the_defaults_about_memories_are_usable() -> None:
    settings = parse(long_term="chroma", chroma_token="s3cret")

    assert settings.long_term == LongTerm(
        "chroma", 100, 1000, 2, 0.6, 10_000, '{age}, {speaker} said:\n"{memory}"'
    )
    assert settings.chroma is not None
    assert settings.chroma.origin == Origin("http", "127.0.0.1:8000")
    assert "s3cret" not in repr(settings)
    assert parse(long_term="redis").chroma is None
