"""The files for deploying fit the platforms, and the component that they deploy."""

import copy
import json
import pathlib
import tomllib
from typing import Any

import jsonschema_rs
import pytest
import yaml

from chat.settings import parse_settings
from chat.wiring.surfaces import OPERATIONS
from host.on_spin import RESIDENT, RESIDENT_BYTES
from tests.running import ROOT

MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "spinapp.yaml").read_text())
SPIN = tomllib.loads((ROOT / "spin.toml").read_text())
CRD = jsonschema_rs.validator_for(json.loads((ROOT / "tests/data/spinapp.json").read_text()))
MAX_BYTES = 50 * 1024 * 1024
"""The largest component that the smallest hosted platform takes."""


def test_the_memory_to_keep_is_that_which_the_host_asks_for() -> None:
    assert f"{RESIDENT}={RESIDENT_BYTES} spin up" in (ROOT / "docs/deploying.md").read_text()


def test_the_manifest_for_kubernetes_has_the_fields_of_a_spinapp() -> None:
    CRD.validate(MANIFEST)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": None},
        {"replica": 2},
        {"variables": [{"name": "model", "valeu": "x"}]},
        {"variables": [{"name": "context_length", "value": 8000}]},
        {"checks": {"readiness": {"httpGet": {}}}},
    ],
)
def test_a_manifest_with_another_field_would_be_found(wrong: dict[str, Any]) -> None:
    changed = copy.deepcopy(MANIFEST)
    changed["spec"] |= wrong

    with pytest.raises(jsonschema_rs.ValidationError):
        CRD.validate(changed)


def test_the_manifest_sets_variables_that_there_are_and_their_values_can_be_used() -> None:
    variables = MANIFEST["spec"]["variables"]
    given = {one["name"]: one.get("value", "a-secret-of-the-cluster") for one in variables}
    secrets = {one["name"] for one in variables if "valueFrom" in one}
    defaults = {name: entry["default"] for name, entry in SPIN["variables"].items()}

    assert set(given) <= set(defaults)
    assert secrets == {n for n, entry in SPIN["variables"].items() if entry.get("secret")} - {
        "chroma_token",
        "redis_sentinel_password",
    }
    settings = parse_settings((defaults | given).__getitem__)
    assert settings.model_endpoint is not None
    assert not settings.is_open


def test_the_manifest_probes_what_is_served() -> None:
    for probe in MANIFEST["spec"]["checks"].values():
        assert OPERATIONS[probe["httpGet"]["path"]]["GET"].access == "none"


def test_the_component_is_no_larger_than_the_smallest_platform_takes(wasm: pathlib.Path) -> None:
    assert wasm.stat().st_size < MAX_BYTES
