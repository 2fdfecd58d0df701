"""The page's bundle: made by the Node of the requirements, of packages that are installed once."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.running import ROOT

PAGE = {"app.js", "icon.svg", "index.html", "page.css"}
NO_REGISTRY = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}
"""Nobody listens there."""


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    return shutil.copytree(ROOT / "web", tmp_path / "web")


def bundle(sources: pathlib.Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Bundle a page, with another Node in front of the one that is meant."""
    other = sources.parent / "bin"
    other.mkdir(exist_ok=True)
    for name in ("node", "npm"):
        (other / name).write_text("#!/bin/sh\nexit 1\n")
        (other / name).chmod(0o755)
    path = f"{other}:{sys.prefix}/bin:/usr/bin:/bin"
    return subprocess.run(
        ["sh", ROOT / "bundle.sh", sources, sources.parent / "bundled"],
        env={**os.environ, "VIRTUAL_ENV": sys.prefix, "PATH": path, **environ},
        check=False, capture_output=True, text=True,
    )  # fmt: skip


def test_a_page_is_bundled_into_one_script_and_one_style(sources: pathlib.Path) -> None:
    done = bundle(sources)
    bundled = sources.parent / "bundled"
    written = {path.name for path in bundled.iterdir()}

    assert done.returncode == 0, done.stderr
    assert written == PAGE
    assert "import " not in (bundled / "app.js").read_text()[:100]
    assert "@import" not in (bundled / "page.css").read_text()


def test_packages_that_are_installed_are_not_asked_for_again(sources: pathlib.Path) -> None:
    assert bundle(sources).returncode == 0

    again = bundle(sources, **NO_REGISTRY)

    assert again.returncode == 0, again.stderr


def test_another_lockfile_has_its_packages_installed_or_nothing_is_bundled(
    sources: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    lockfile = sources / "package-lock.json"
    lockfile.write_text(lockfile.read_text() + "\n")
    cache = {"npm_config_cache": str(tmp_path / "cache")}

    failed = bundle(sources, **NO_REGISTRY, **cache)

    assert failed.returncode != 0
    assert "npm error" in failed.stderr
    assert not (tmp_path / "bundled").exists()
    assert list(pathlib.Path(sys.prefix, "npm").glob("part.*")) == []


def test_what_is_bundled_is_pinned_with_its_digest() -> None:
    wanted = json.loads((ROOT / "web" / "package.json").read_text())
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    del locked[""]

    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all(package["integrity"].startswith("sha512-") for package in locked.values())
    assert all("resolved" not in package for package in locked.values()), "whose registry it was"
