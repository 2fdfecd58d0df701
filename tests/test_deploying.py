"""The files for deploying fit the platforms, and the component that they deploy."""

import copy
import importlib.util
import json
import pathlib
import re
import subprocess
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
AROUND: dict[str, dict[str, Any]] = {
    one["kind"]: one
    for one in yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text())
}
KUBERNETES = ("1.30", "1.37")
"""The oldest and the newest version of Kubernetes whose schemas the files fit."""
DEFINITIONS = "https://kubernetes.io/api/_definitions.json"
"""How those schemas name what they share."""
IN_APP = {"core.spinkube.dev/app-name": MANIFEST["metadata"]["name"]}
"""The label that SpinKube's operator gives to the pods of an app."""
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


def schema_of(manifest: dict[str, Any], version: str) -> Any:
    """Return what checks an object of Kubernetes, by the schemas that Kubernetes publishes."""
    group, _, kind_version = manifest["apiVersion"].rpartition("/")
    names = [manifest["kind"].lower(), *([group.split(".")[0]] if group else []), kind_version]
    found = importlib.util.find_spec("kubernetes_validate")
    assert found
    assert found.submodule_search_locations
    folder = pathlib.Path(found.submodule_search_locations[0]) / "kubernetes-json-schema"
    of_version = folder / f"v{version}.0-local-strict"
    schema, shared = (
        json.loads((of_version / f"{name}.json").read_text())
        for name in ("-".join(names), "_definitions")
    )
    registry = jsonschema_rs.Registry([(DEFINITIONS, shared)])
    return jsonschema_rs.validator_for(schema, registry=registry)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("kind", AROUND)
def test_what_stands_around_fits_the_schemas_of_kubernetes(kind: str, version: str) -> None:
    schema = schema_of(AROUND[kind], version)
    schema.validate(AROUND[kind])

    with pytest.raises(jsonschema_rs.ValidationError):
        schema.validate(AROUND[kind] | {"specs": {}})


def test_there_is_all_that_a_service_needs() -> None:
    assert set(AROUND) == {
        "Secret", "PodDisruptionBudget", "HorizontalPodAutoscaler", "CronJob", "NetworkPolicy",
    }  # fmt: skip


def test_what_stands_around_is_about_the_pods_of_the_app() -> None:
    name = MANIFEST["metadata"]["name"]
    scaled = AROUND["HorizontalPodAutoscaler"]["spec"]

    assert AROUND["PodDisruptionBudget"]["spec"]["selector"] == {"matchLabels": IN_APP}
    assert AROUND["NetworkPolicy"]["spec"]["podSelector"] == {"matchLabels": IN_APP}
    assert scaled["scaleTargetRef"]["name"] == name
    assert MANIFEST["spec"]["enableAutoscaling"]
    assert "replicas" not in MANIFEST["spec"], "the autoscaler decides it"
    assert scaled["minReplicas"] > AROUND["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    assert "cpu" in MANIFEST["spec"]["resources"]["requests"], "the share is of this"


def test_the_secret_has_what_is_asked_for_and_no_secret() -> None:
    secret = AROUND["Secret"]
    asked = [
        one["valueFrom"]["secretKeyRef"]
        for one in [*MANIFEST["spec"]["variables"], *clean_up()["env"]]
        if "valueFrom" in one
    ]

    assert {one["name"] for one in asked} == {secret["metadata"]["name"]}
    assert {one["key"] for one in asked} == set(secret["stringData"])
    assert all(value.startswith("PUT-IN-") for value in secret["stringData"].values())


def clean_up() -> dict[str, Any]:
    pod = AROUND["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    found: dict[str, Any] = container
    return found


def test_the_clean_up_asks_what_is_served_and_is_locked_up_and_let_through() -> None:
    container = clean_up()
    template = AROUND["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]
    asked = re.search(r"http://([\w-]+)(/\S+)\)", container["command"][-1])

    assert asked
    assert asked[1] == MANIFEST["metadata"]["name"], "the name of the app's service"
    assert OPERATIONS[asked[2]]["POST"].access == "admin"
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert template["spec"]["securityContext"]["runAsNonRoot"]
    let_in = AROUND["NetworkPolicy"]["spec"]["ingress"][0]["from"]
    assert {"podSelector": {"matchLabels": template["metadata"]["labels"]}} in let_in


def test_the_clean_up_asks_again_until_all_is_done(tmp_path: pathlib.Path) -> None:
    """Run its script, with a `curl` that answers twice."""
    curl = tmp_path / "curl"
    curl.write_text(
        "#!/bin/sh\n"
        'echo "$@" >> asked\n'
        'if [ "$(wc -l < asked)" = 2 ]; then echo \'{"is_complete": true}\'\n'
        "else echo '{\"is_complete\": false}'; fi\n"
    )
    curl.chmod(0o755)
    ended = subprocess.run(
        clean_up()["command"], cwd=tmp_path, check=False, timeout=20, capture_output=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "ADMIN_TOKEN": "a-token"},
    )  # fmt: skip

    asked = (tmp_path / "asked").read_text().splitlines()
    assert ended.returncode == 0
    assert len(asked) == 2
    assert "Authorization: Bearer a-token" in asked[0]
    curl.write_text("#!/bin/sh\nexit 22\n")
    refused = subprocess.run(
        clean_up()["command"], cwd=tmp_path, check=False, timeout=20, capture_output=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "ADMIN_TOKEN": "a-token"},
    )  # fmt: skip
    assert refused.returncode == 22


def test_the_component_is_no_larger_than_the_smallest_platform_takes(wasm: pathlib.Path) -> None:
    assert wasm.stat().st_size < MAX_BYTES
