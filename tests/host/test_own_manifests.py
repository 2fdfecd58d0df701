"""Spin 3.4 and 4.0 accept this project's manifests: both know all fields, and no host is empty."""

import re
import tomllib
from typing import Any

import pytest

from host.app.allowed_host_entries import parse_allowed_host
from host.app.allowed_hosts import AllowedHostError
from host.app.expressions import parse_template
from host.app.manifest import load_manifest
from tests.running import ROOT

COMPONENT_OF_3_4 = {
    "source", "description", "variables", "environment", "files", "exclude_files",
    "allowed_http_hosts", "allowed_outbound_hosts", "key_value_stores", "sqlite_databases",
    "ai_models", "build", "tool", "dependencies_inherit_configuration", "dependencies",
}  # fmt: skip
"""Source: spin v3.4.1 `crates/manifest/src/schema/v2.rs`, `Component`."""
TRIGGER_OF_3_4 = {"id", "component", "components", "route", "executor"}
"""Source: spin v3.4.1 `crates/http/src/trigger.rs`, `crates/manifest/src/schema/v2.rs`."""
FIELDS = {
    "3.4": (COMPONENT_OF_3_4, TRIGGER_OF_3_4),
    "4.0": (COMPONENT_OF_3_4 | {"targets", "profile"}, TRIGGER_OF_3_4 | {"static_response"}),
}
VARIABLE = {"description", "required", "default", "secret"}
KEBAB = re.compile(r"[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z][a-zA-Z0-9]*)*")
"""What a model's name has to be before 3.5."""

OWN = [
    pytest.param("spin.toml", "3.4", id="the chat, on 3.4"),
    pytest.param("spin.toml", "4.0", id="the chat, on 4.0"),
    pytest.param("bench/peers/one_value/spin.toml", "3.4", id="one value, on 3.4"),
    pytest.param("bench/peers/one_value/spin.toml", "4.0", id="one value, on 4.0"),
    pytest.param("tests/guests/probe/spin.toml", "4.0", id="the probe, whose answers need 3.5"),
]


def faults(manifest: dict[str, Any], version: str) -> list[str]:
    """Return all that a version of Spin would refuse in a manifest."""
    component_fields, trigger_fields = FIELDS[version]
    variables = manifest.get("variables", {})
    defaults = {name: one["default"] for name, one in variables.items() if "default" in one}
    found = [f"{name}: {key}" for name, one in variables.items() for key in set(one) - VARIABLE]
    for trigger in manifest["trigger"]["http"]:
        found += [f"trigger: {name}" for name in set(trigger) - trigger_fields]
    for component in manifest["component"].values():
        found += [f"component: {name}" for name in set(component) - component_fields]
        hosts = component["allowed_outbound_hosts"]
        found += [host for host in hosts if not is_host(host, defaults)]
        if version == "3.4":
            found += [name for name in component["ai_models"] if not KEBAB.fullmatch(name)]
    return found


def is_host(entry: str, defaults: dict[str, str]) -> bool:
    try:
        parse_allowed_host(parse_template(entry).resolve(defaults.__getitem__))
    except AllowedHostError:
        return False
    return True


@pytest.mark.parametrize(("path", "version"), OWN)
def test_our_manifest_is_taken(path: str, version: str) -> None:
    assert faults(tomllib.loads((ROOT / path).read_text()), version) == []
    assert load_manifest(ROOT / path).components


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param('"http://127.0.0.1:8080"', '""', "{{ model_origin }}", id="an empty origin"),
        pytest.param('["llama2-chat"', '["llama3.2"', "llama3.2", id="a dot in a model's name"),
        pytest.param(
            "ai_models = ", "targets = []\nai_models = ", "component: targets", id="targets"
        ),
    ],
)
def test_a_manifest_that_would_not_be_taken_is_found(old: str, new: str, fault: str) -> None:
    text = (ROOT / "spin.toml").read_text()
    assert old in text

    assert faults(tomllib.loads(text.replace(old, new)), "3.4") == [fault]
