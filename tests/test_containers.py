"""The image and what is started with it are locked up, and fit the component."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from chat.settings import parse_admin_token, parse_settings
from chat.wiring.surfaces import OPERATIONS
from tests.running import ROOT

NOBODY = "65534:65534"
SET = {"REDIS_PASSWORD": "a-password", "ADMIN_TOKEN": "a-token-of-operators"}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
HADOLINT = shutil.which("hadolint", path=f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}")
PROFILES = {
    "redis": [], "chat": [], "chroma": ["chroma"],
    "prometheus": ["monitoring"], "grafana": ["monitoring"],
}  # fmt: skip


def filled_in(text: str, given: Mapping[str, str]) -> str:
    """Fill in variables as Compose does.

    Errors: KeyError for one that has to be set.
    """

    def fill(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return given.get(name, "") or default if kind == "-" else given[name]

    return VARIABLE.sub(fill, text)


def compose(**given: str) -> dict[str, Any]:
    text = filled_in((ROOT / "compose.yaml").read_text(), SET | given)
    told: dict[str, Any] = yaml.safe_load(text)
    return told


def stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage of the image, each with what it says."""
    whole = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    found: dict[str, list[tuple[str, str]]] = {}
    rows: list[tuple[str, str]] = []
    for line in whole.splitlines():
        instruction, _, said = line.partition(" ")
        if instruction == "FROM":
            found[said.split(" AS ")[1]] = rows = []
        elif line and instruction != "#":
            rows.append((instruction, said))
    return found


def value_of(stage: str, wanted: str) -> str:
    (value,) = [said for instruction, said in stages()[stage] if instruction == wanted]
    return value


def test_compose_takes_the_file_whatever_profile_is_asked_for() -> None:
    told = compose()

    assert PyCompose.from_json(json.dumps(told)).service_names() == list(PROFILES)
    assert {name: one.get("profiles", []) for name, one in told["services"].items()} == PROFILES
    with pytest.raises(KeyError):
        filled_in((ROOT / "compose.yaml").read_text(), {"REDIS_PASSWORD": "x"})


def test_every_service_is_locked_up() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "what is behind no TLS is for this machine"


@pytest.mark.parametrize("stage", ["host", "spin"])
def test_the_image_runs_as_nobody_and_writes_to_nothing_but_tmp(stage: str) -> None:
    assert value_of(stage, "USER") == NOBODY
    assert compose()["services"]["chat"]["user"] == NOBODY
    assert compose()["services"]["chat"]["tmpfs"] == ["/tmp:mode=1777"]
    assert '"--state-dir", "/tmp/state"' in value_of(stage, "ENTRYPOINT")
    assert value_of(stage, "EXPOSE") == "3000"


def test_the_image_is_healthy_while_the_chat_is_ready() -> None:
    path = re.search(r"http://127\.0\.0\.1:3000(/\w+)'", value_of("host", "HEALTHCHECK"))

    assert path
    assert path[1] == "/readyz"
    assert OPERATIONS[path[1]]["GET"].access == "none"


def test_the_image_is_made_of_files_that_there_are_and_that_are_let_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines()}
    for instruction, said in stages()["build"]:
        for name in said.split()[:-1] if instruction == "COPY" else ():
            assert (ROOT / name).exists(), name
            assert name in let_through, name


@pytest.mark.skipif(not HADOLINT, reason="hadolint has no wheel for this machine")
def test_hadolint_has_nothing_against_the_dockerfile() -> None:
    found = subprocess.run(
        [str(HADOLINT), ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stdout) == (0, "")


def test_the_chat_gets_variables_that_there_are_and_their_values_can_be_used() -> None:
    variables = tomllib.loads((ROOT / "spin.toml").read_text())["variables"]
    defaults = {name: entry["default"] for name, entry in variables.items()}
    begin = "SPIN_VARIABLE_"
    for given in ({}, {"LONG_TERM": "chroma"}, {"MODEL_API": "openai", "MODEL_KEY": "a-key"}):
        told = compose(**given)["services"]["chat"]["environment"]
        chosen = {name.removeprefix(begin).lower(): value for name, value in told.items()}
        assert all(name.startswith(begin) for name in told)
        assert set(chosen) <= set(defaults)
        settings = parse_settings((defaults | chosen).__getitem__)
        assert not settings.is_open
        assert parse_admin_token((defaults | chosen).__getitem__) == SET["ADMIN_TOKEN"]


def test_redis_keeps_what_it_is_given_and_throws_nothing_away() -> None:
    redis = compose()["services"]["redis"]
    command = redis["command"][-1]

    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert redis["volumes"] == ["redis-data:/data"]
    assert redis["environment"] == {"REDISCLI_AUTH": SET["REDIS_PASSWORD"]}


def test_what_is_mounted_is_there() -> None:
    for service in compose()["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (ROOT / source).exists()


def test_prometheus_finds_the_chat_and_grafana_finds_prometheus() -> None:
    told = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    source = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    )
    services = compose()["services"]
    (scrape,) = told["scrape_configs"]

    assert scrape["static_configs"] == [{"targets": ["chat:3000"]}]
    assert scrape["authorization"] == {"credentials_file": "/run/secrets/admin_token"}
    assert services["prometheus"]["secrets"] == ["admin_token"]
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    assert (
        "./deploy/grafana/dashboards:/var/lib/grafana/dashboards:ro"
        in (services["grafana"]["volumes"])
    )
