"""The build for Preview 3 is the same application: what differs is how it is made."""

import pathlib
import re
import subprocess
import sys
import tomllib
from typing import Any

from tests.running import ROOT
from tests.test_project import would_run


def manifest(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


def test_the_manifests_differ_in_name_source_and_build_only() -> None:
    first, second = manifest("spin.toml"), manifest("spin-p3.toml")
    differing = []
    for one in (first, second):
        component = one["component"]["chat"]
        differing.append(
            [one["application"].pop("name"), component.pop("source"), component.pop("build")]
        )

    assert first == second
    assert all(old != new for old, new in zip(*differing, strict=True))


def test_make_and_spin_build_make_the_component_with_one_command() -> None:
    commands = manifest("spin-p3.toml")["component"]["chat"]["build"]["command"]
    [built] = [line for line in would_run("app-p3.wasm").splitlines() if "build.sh" in line]

    assert built == f". .venv-p3/bin/activate && {commands[-1]}"


def test_the_models_for_spins_engine_are_written_by_both() -> None:
    commands = [
        manifest(name)["component"]["chat"]["build"]["command"]
        for name in ("spin.toml", "spin-p3.toml")
    ]

    assert commands[0][:-1] == commands[1][:-1]


SPIN_4_0 = frozenset(
    f"{package}@{version}"
    for package, version in (
        ("fermyon:spin", "2.0.0"),
        ("spin:key-value", "3.0.0"),
        ("spin:mqtt", "3.0.0"),
        ("spin:postgres", "3.0.0"),
        ("spin:postgres", "4.2.0"),
        ("spin:redis", "3.0.0"),
        ("spin:sqlite", "3.1.0"),
        ("spin:variables", "3.0.0"),
        ("wasi:config", "0.2.0-draft-2024-09-27"),
        ("wasi:keyvalue", "0.2.0-draft2"),
        *((f"wasi:{name}", "0.2.6") for name in ("cli", "clocks", "filesystem", "http", "io")),
        *((f"wasi:{name}", "0.2.6") for name in ("random", "sockets")),
        *((f"wasi:{name}", "0.3.0-rc-2026-03-15") for name in ("cli", "clocks", "filesystem")),
        *((f"wasi:{name}", "0.3.0-rc-2026-03-15") for name in ("http", "random", "sockets")),
    )
)
"""The packages of interfaces that Spin 4.0 gives a component.

Source: `crates/world` and `wit` of spinframework/spin, v4.0.2.
"""
ANSWERS = "wasi:http/handler@0.3.0-rc-2026-03-15"
INTERFACE = re.compile(
    r"^  (import|export) ([a-z0-9-]+:[a-z0-9-]+)/([a-z0-9-]+)@([^;]+);$", re.MULTILINE
)


def test_the_component_needs_what_spin_4_0_gives_and_answers_as_it_asks(
    p3_wasm: pathlib.Path,
) -> None:
    """`SPIN=spin BUILD=p3` runs the build itself; the host of this project runs Preview 2 only."""
    tools = pathlib.Path(sys.executable).parent / "wasm-tools"
    wit = subprocess.run(
        [tools, "component", "wit", p3_wasm], check=True, capture_output=True, text=True
    ).stdout
    found = INTERFACE.findall(wit)

    assert {f"{name}@{version}" for way, name, _, version in found if way == "import"} <= SPIN_4_0
    assert [f"{n}/{i}@{v}" for way, n, i, v in found if way == "export"] == [ANSWERS]
