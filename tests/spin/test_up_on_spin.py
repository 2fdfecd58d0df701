"""`python -m host up --spin`: a real spin serves, with the host's services and models beside it."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

import httpx
import pytest

from host.on_spin import RESIDENT, RESIDENT_BYTES, with_remote_models
from host.services.embedded import redis_answers
from tests.running import NO_COOKIES, ROOT, SPIN, await_line, free_port, remote_config

EVERY_END = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.spin("starts a spin")
@pytest.mark.parametrize("end", EVERY_END, ids=lambda end: end.name)
def test_spin_talks_with_an_embedded_redis_and_the_demo_model_and_all_of_it_ends_with_it(
    wasm: pathlib.Path, tmp_path: pathlib.Path, end: signal.Signals
) -> None:
    assert wasm.exists()
    port, redis_port = free_port(), free_port()
    command = [
        sys.executable, "-m", "host", "up", "--spin", SPIN, "--embedded", "redis",
        "--runtime-config-file", "runtime-config.toml", "--listen", f"127.0.0.1:{port}",
        "--state-dir", str(tmp_path), "--variable", f"redis_address=redis://127.0.0.1:{redis_port}",
    ]  # fmt: skip
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, text=True)
    await_line(process, log, "Available Routes:")
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=60, trust_env=False, cookies=NO_COOKIES) as client:
        told = {"context": "You are a helpful chef.", "prompt": "My name is Ada."}
        first = client.post("/", content=json.dumps(told)).json()
        asked = {"id": first["id"], "prompt": "What is my name?"}
        second = client.post("/", content=json.dumps(asked)).json()
    process.send_signal(end)

    assert process.wait(30) == 0
    assert (first["reply"], second["reply"]) == ("Nice to meet you, Ada!", "Your name is Ada.")
    assert f"{url}/" in log.read_text(), "a line to paste"
    assert not redis_answers("127.0.0.1", redis_port)
    deadline = time.monotonic() + 10
    while left := processes_with(str(tmp_path)):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def processes_with(word: str) -> list[str]:
    """Return the commands of all processes that have `word` among their arguments."""
    lines = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, check=True, text=True)
    own = str(os.getpid())
    rows = [line.split(maxsplit=1) for line in lines.stdout.splitlines()]
    return [row[1] for row in rows if len(row) == 2 and word in row[1] and row[0] != own]


def up(*arguments: str, environ: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Run `up` with a changed environment, until it ends."""
    command = [sys.executable, "-m", "host", "up", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_a_spin_that_is_not_there_is_said(wasm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert wasm.exists()

    ended = up("--spin", "/no/such/spin", "--state-dir", str(tmp_path))

    assert ended.returncode == 1
    assert "Error: --spin /no/such/spin: No such file or directory" in ended.stderr


def test_a_spin_has_no_workers(wasm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert wasm.exists()

    ended = up("--spin", "spin", "--workers", "2", "--state-dir", str(tmp_path))

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: --workers: a spin has one process")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param({}, str(RESIDENT_BYTES), id="by default"),
        pytest.param({RESIDENT: "4096"}, "4096", id="as the user says"),
    ],
)
def test_a_spin_is_told_how_much_memory_to_keep_for_the_next_instance(
    wasm: pathlib.Path, tmp_path: pathlib.Path, given: dict[str, str], told: str
) -> None:
    assert wasm.exists()
    program, seen = tmp_path / "spin", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\nprintf %s "${RESIDENT}" > {seen}\n')
    program.chmod(0o755)
    config = remote_config(tmp_path, "http://127.0.0.1:9")

    ended = up(
        "--spin", str(program), "--state-dir", str(tmp_path), "--runtime-config-file", config,
        environ=given,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    assert seen.read_text() == told


LOCAL = '[llm_compute]\ntype = "spin"\n'
PROVIDER = '[[variables_provider]]\ntype = "env"'


@pytest.mark.parametrize(
    ("config", "rest"),
    [
        pytest.param("", "", id="none"),
        pytest.param(LOCAL, "", id="a local one"),
        pytest.param(
            f"# a note\n{LOCAL}# its own\n{PROVIDER}",
            f"# a note\n{PROVIDER}\n\n",
            id="a local one among others",
        ),
        pytest.param(
            f"[outbound_http]\nconnection_pooling = true\n{LOCAL}",
            "[outbound_http]\nconnection_pooling = true\n\n",
            id="one at the end",
        ),
    ],
)
def test_the_rest_of_a_runtime_config_stays(config: str, rest: str) -> None:
    made = with_remote_models(config, "http://127.0.0.1:9")

    block = '[llm_compute]\ntype = "remote_http"\nurl = "http://127.0.0.1:9"\nauth_token = ""\n'
    assert made == rest + block
