"""README says what is so: its exchange is run, its settings are the manifest's."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import time
import tomllib

import pytest

from chat.http.operations import OPERATIONS
from tests.running import ROOT, SPIN, RunningRedis, as_flags, run_host

README = (ROOT / "README.md").read_text()
EXCHANGE = re.findall(r"^\$ (curl .*)\n(.*)$", README, re.MULTILINE)


def test_the_exchange_in_readme_is_what_happens(
    wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    assert len(EXCHANGE) == 2
    address = f"redis_address={own_redis.address}"
    arguments = ["--runtime-config-file", "runtime-config.toml", "--variable", address]
    with run_host(tmp_path, *arguments) as host:
        for command, expected in EXCHANGE:
            words = shlex.split(command.replace("http://127.0.0.1:3000", host.url))
            answered = subprocess.run([*words, "-s"], capture_output=True, check=True, text=True)

            got, wanted = json.loads(answered.stdout), json.loads(expected)
            assert 0 <= got.pop("expires_at") - time.time() - 30 * 86_400 + 60 <= 60
            wanted.pop("expires_at")
            assert got == wanted
        printed = host.output()

    assert f"Serving {host.url}\n" in printed
    if not SPIN:
        line = EXCHANGE[0][0].replace("http://127.0.0.1:3000", host.url)
        assert line in printed, "a line to paste"


def test_the_lines_to_carry_all_away_and_back_do_so(
    wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    lines = re.findall(r'^curl -H "Authorization: Bearer \$T" .*$', README, re.MULTILINE)
    variables = [f"redis_address={own_redis.address}", "long_term=redis", "memory_min_chars=10"]
    arguments = as_flags(variables)
    with run_host(tmp_path / "host", *arguments) as host:
        token = host.client.post("/session").json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        told = {"context": "You are a helpful chef.", "prompt": "My name is Ada."}
        host.client.post("/", json=told, headers=headers)
        before = host.client.get("/export", headers=headers).text

        for line in lines:
            script = line.replace("http://127.0.0.1:3000", host.url)
            environ = {"T": token, "PATH": os.environ["PATH"]}
            subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environ, check=True)

        after = host.client.get("/export", headers=headers).text
    assert len(lines) == 3
    assert (tmp_path / "mine.jsonl").read_text().partition("\n")[2] == before.partition("\n")[2]
    assert after.partition("\n")[2] == before.partition("\n")[2]
    assert len(after.splitlines()) > 4


def test_the_line_that_cleans_up_does_so(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    (line,) = re.findall(r'^curl -X POST -H "Authorization: Bearer \$A" .*$', README, re.MULTILINE)
    variables = [f"redis_address={shared_redis.address}", "admin_token=a-long-enough-token"]
    arguments = as_flags(variables)
    with run_host(tmp_path, *arguments) as host:
        environ = {"A": "a-long-enough-token", "PATH": os.environ["PATH"]}
        script = line.replace("http://127.0.0.1:3000", host.url)
        answered = subprocess.run(
            ["sh", "-c", script], env=environ, capture_output=True, check=True
        )

    assert json.loads(answered.stdout)["is_complete"] is True


def test_the_settings_in_readme_are_the_manifests() -> None:
    variables = tomllib.loads((ROOT / "spin.toml").read_text())["variables"]
    wanted = {
        name: (f"`{entry['default']}`" if entry["default"] else "", entry["description"])
        for name, entry in variables.items()
    }
    section = README.partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (.*) \|$", section, re.MULTILINE)

    assert {name: (default, meaning) for name, default, meaning in rows} == wanted


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_the_commands_in_readme_are_there(target: str) -> None:
    assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_route_stands_in_readme() -> None:
    for template, methods in OPERATIONS.items():
        path = template.replace("{id}", "ID").replace("{message_id}", "MESSAGE")
        path = path.replace("{memory_id}", "MEMORY")
        path = path.replace("{version}", "VERSION").replace("{name}", "NAME")
        for method in methods:
            assert re.search(rf"^\| `{method} {re.escape(path)}[`?]", README, re.MULTILINE)


def test_every_error_code_stands_in_readme() -> None:
    codes = re.findall(r'code = "(\w+)"', (ROOT / "chat" / "core" / "errors.py").read_text())

    assert [code for code in codes if f"`{code}`" not in README] == []
