"""The host accepts the manifests that Spin accepts, and refuses the others in Spin's words."""

import pathlib

import pytest

from host.app.allowed_host_entries import parse_allowed_host
from host.app.allowed_hosts import AllowedHostError
from host.app.files import find_files
from host.app.manifest import Manifest, parse_manifest
from host.app.runtime_config import RuntimeConfig, parse_runtime_config
from host.errors import HostError
from host.start_checks import check_start
from tests.host.manifest_rows import (
    CONFIGS_REFUSED,
    CONFIGS_REFUSED_HERE,
    CONFIGS_TAKEN,
    ENTRIES_REFUSED,
    ENTRIES_TAKEN,
    GOOD,
    NOT_DONE_HERE,
    REFUSED,
    REFUSED_HERE,
    TAKEN,
    hosts,
)
from tests.trying_spin import empty_component, try_spin

on_spin = pytest.mark.spin("tries a row on a spin: SPIN names none")


def start(folder: pathlib.Path, text: str) -> Manifest:
    """Do with a manifest what our host does before it runs a component."""
    (folder / "app.wasm").write_bytes(empty_component())
    manifest = parse_manifest(text, "spin.toml", folder)
    check_start(manifest, RuntimeConfig())
    for component in manifest.components.values():
        find_files(component, folder)
    return manifest


def start_with(text: str) -> RuntimeConfig:
    """Do with a runtime config what our host does before it serves."""
    config = parse_runtime_config(text, "runtime-config.toml")
    check_start(parse_manifest(GOOD, "spin.toml", pathlib.Path()), config)
    return config


@pytest.mark.parametrize("row", [*REFUSED, *REFUSED_HERE, *NOT_DONE_HERE])
def test_a_manifest_is_refused_in_the_words_of_spin(tmp_path: pathlib.Path, row: str) -> None:
    text, words = {**REFUSED, **REFUSED_HERE, **NOT_DONE_HERE}[row]

    with pytest.raises(HostError) as refused:
        start(tmp_path, text)

    assert words in str(refused.value)


@pytest.mark.parametrize("row", TAKEN)
def test_a_manifest_that_spin_takes_is_taken(tmp_path: pathlib.Path, row: str) -> None:
    assert start(tmp_path, TAKEN[row]).components or "static" in TAKEN[row]


@pytest.mark.parametrize("entry", ENTRIES_REFUSED)
def test_an_allowed_host_is_refused_in_the_words_of_spin(entry: str) -> None:
    with pytest.raises(AllowedHostError) as refused:
        parse_allowed_host(entry)

    assert ENTRIES_REFUSED[entry] in refused.value.in_full()


@pytest.mark.parametrize("entry", ENTRIES_TAKEN)
def test_an_allowed_host_that_spin_takes_is_taken(entry: str) -> None:
    assert parse_allowed_host(entry)


@pytest.mark.parametrize("row", [*CONFIGS_REFUSED, *CONFIGS_REFUSED_HERE])
def test_a_runtime_config_is_refused_in_the_words_of_spin(row: str) -> None:
    text, words = {**CONFIGS_REFUSED, **CONFIGS_REFUSED_HERE}[row]

    with pytest.raises(HostError) as refused:
        start_with(text)

    assert words in str(refused.value)


@pytest.mark.parametrize("row", CONFIGS_TAKEN)
def test_a_runtime_config_that_spin_takes_is_taken(row: str) -> None:
    assert start_with(CONFIGS_TAKEN[row])


@pytest.mark.parametrize("row", CONFIGS_REFUSED_HERE)
def test_what_only_spin_does_is_left_to_a_spin(row: str) -> None:
    text, words = CONFIGS_REFUSED_HERE[row]

    config = parse_runtime_config(text, "runtime-config.toml")

    assert any(words in problem for problem in config.not_here)


@on_spin
@pytest.mark.parametrize("row", REFUSED)
def test_spin_refuses_the_manifest_in_these_words(tmp_path: pathlib.Path, row: str) -> None:
    text, words = REFUSED[row]

    tried = try_spin(tmp_path, text)

    assert not tried.is_served
    assert words in tried.output


@on_spin
@pytest.mark.parametrize("row", [*TAKEN, *REFUSED_HERE])
def test_spin_takes_the_manifest(tmp_path: pathlib.Path, row: str) -> None:
    text = TAKEN[row] if row in TAKEN else REFUSED_HERE[row][0]

    tried = try_spin(tmp_path, text, arguments=["--variable", "v=1"])

    assert tried.is_served, tried.output


@on_spin
@pytest.mark.parametrize("entry", ENTRIES_REFUSED)
def test_spin_refuses_the_allowed_host_in_these_words(tmp_path: pathlib.Path, entry: str) -> None:
    tried = try_spin(tmp_path, hosts("{{ v }}", default=entry))

    assert not tried.is_served
    assert ENTRIES_REFUSED[entry] in tried.output


@on_spin
@pytest.mark.parametrize("entry", ENTRIES_TAKEN)
def test_spin_takes_the_allowed_host(tmp_path: pathlib.Path, entry: str) -> None:
    tried = try_spin(tmp_path, hosts("{{ v }}", default=entry))

    assert tried.is_served, tried.output


@on_spin
@pytest.mark.parametrize("row", CONFIGS_REFUSED)
def test_spin_refuses_the_runtime_config_in_these_words(tmp_path: pathlib.Path, row: str) -> None:
    text, words = CONFIGS_REFUSED[row]

    tried = try_spin(tmp_path, GOOD, text)

    assert not tried.is_served
    assert words in tried.output


@on_spin
@pytest.mark.parametrize("row", [*CONFIGS_TAKEN, *CONFIGS_REFUSED_HERE])
def test_spin_takes_the_runtime_config(tmp_path: pathlib.Path, row: str) -> None:
    text = CONFIGS_TAKEN[row] if row in CONFIGS_TAKEN else CONFIGS_REFUSED_HERE[row][0]

    tried = try_spin(tmp_path, GOOD, text)

    assert tried.is_served, tried.output
