"""The command line: start lines, embedded services, signals, workers, refusals."""

import concurrent.futures
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from host.cli import make_parser
from host.services.embedded import chroma_answers, redis_answers
from tests.running import ROOT, RunningRedis, as_flags, await_line, free_port, run_host

pytestmark = pytest.mark.long


def up(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a host that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "host", "up", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def await_end(port: int) -> bool:
    deadline = time.monotonic() + 15
    while redis_answers("127.0.0.1", port) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not redis_answers("127.0.0.1", port)


def test_the_start_lines_are_spins(wasm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert wasm.exists()
    with run_host(tmp_path) as host:
        lines = host.output().splitlines()

    assert f"Serving {host.url}" in lines
    assert "Available Routes:" in lines
    assert f"  chat: {host.url} (wildcard)" in lines


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_embedded_redis_starts_and_stops_with_the_host_and_keeps_what_it_had(
    wasm: pathlib.Path, tmp_path: pathlib.Path, end: signal.Signals
) -> None:
    assert wasm.exists()
    port = free_port()
    arguments = ["--embedded", "redis", "--variable", f"redis_address=redis://127.0.0.1:{port}"]
    with run_host(tmp_path, *arguments) as host:
        assert f"Started an embedded Redis at 127.0.0.1:{port}" in host.output()
        told = host.post(context="You are a helpful chef.", prompt="My name is Ada.").json()
        time.sleep(1.2)  # append-only persistence syncs once a second
        os.kill(host.process.pid, end)
        host.process.wait(20)
    assert await_end(port)

    with run_host(tmp_path, *arguments) as host:
        asked = host.post(id=told["id"], prompt="What is my name?").json()

    assert asked["reply"] == "Your name is Ada."


def test_an_embedded_redis_that_dies_is_started_again_with_what_it_had(
    wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    port = free_port()
    arguments = ["--embedded", "redis", "--variable", f"redis_address=redis://127.0.0.1:{port}"]
    with run_host(tmp_path, *arguments) as host:
        told = host.post(context="You are a helpful chef.", prompt="My name is Ada.").json()
        time.sleep(1.2)  # append-only persistence syncs once a second
        pid = int((tmp_path / "state" / "redis" / "lock").read_text())
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while "The embedded Redis runs again." not in host.output():
            assert time.monotonic() < deadline, host.output()
            time.sleep(0.1)

        asked = host.post(id=told["id"], prompt="What is my name?").json()

        assert asked["reply"] == "Your name is Ada."
        assert "The embedded Redis ended (exit code -9)." in host.output()
        assert "started again in 1 s" in host.output()
    assert await_end(port)


def test_a_state_folder_has_one_server(wasm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert wasm.exists()
    ports = [free_port(), free_port()]
    addresses = [f"redis_address=redis://127.0.0.1:{port}" for port in ports]
    with run_host(tmp_path, "--embedded", "redis", "--variable", addresses[0]) as host:
        second = up(
            "--state-dir", str(tmp_path / "state"), "--listen", f"127.0.0.1:{free_port()}",
            "--embedded", "redis", "--variable", addresses[1],
        )  # fmt: skip
        pid = (tmp_path / "state" / "redis" / "lock").read_text()
        assert host.post(context="c", prompt="Hello!").status_code == 200

    assert second.returncode == 1
    assert f"the redis of process {pid} keeps its files in" in second.stderr
    assert "--state-dir" in second.stderr
    assert not redis_answers("127.0.0.1", ports[1])


def test_a_redis_that_answers_is_used_and_left_running(
    wasm: pathlib.Path, tmp_path: pathlib.Path, own_redis: RunningRedis
) -> None:
    assert wasm.exists()
    arguments = ["--embedded", "redis", "--variable", f"redis_address={own_redis.address}"]
    with run_host(tmp_path, *arguments) as host:
        assert f"Using the Redis that answers at 127.0.0.1:{own_redis.port}" in host.output()
        assert host.client.get("/healthz").status_code == 200

    assert redis_answers("127.0.0.1", own_redis.port)


def test_an_embedded_chroma_starts_and_stops_with_the_host(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    port = free_port()
    address = f"redis_address={shared_redis.address}"
    arguments = [
        "--embedded", "chroma", "--variable", f"chroma_address=http://127.0.0.1:{port}",
        "--variable", "long_term=chroma", "--variable", address,
    ]  # fmt: skip
    with run_host(tmp_path, *arguments) as host:
        assert f"Started an embedded Chroma at 127.0.0.1:{port}" in host.output()
        token = host.client.post("/session").json()["token"]
        told = host.client.post(
            "/",
            content='{"context":"You are a helpful chef.","prompt":"My name is Ada."}',
            headers={"authorization": f"Bearer {token}"},
        )
        assert told.json()["reply"] == "Nice to meet you, Ada!"

    assert not chroma_answers("127.0.0.1", port)


def test_workers_serve_one_application(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    arguments = ["--workers", "2", "--variable", f"redis_address={shared_redis.address}"]
    with run_host(tmp_path, *arguments) as host:

        def talk(name: str) -> str:
            told = host.post(context="You are a helpful chef.", prompt=f"My name is {name}.").json()
            return str(host.post(id=told["id"], prompt="What is my name?").json()["reply"])

        names = ["Ada", "Bob", "Clara", "David", "Emma", "Felix", "Grace", "Henry"] * 3
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            replies = list(threads.map(talk, names))

    assert replies == [f"Your name is {name}." for name in names]
    assert host.output().count("Serving") == 1
    assert host.process.returncode == 0


@pytest.mark.parametrize(
    ("variable", "problems"),
    [
        (
            "redis_address=redis://127.0.0.1:1",
            [
                "Not ready: not every part answers",
                "redis: the conversation store does not answer: nothing listens at",
            ],
        ),
        ("context_length=abc", ["Not ready: the variable `context_length` must be a whole number"]),
    ],
)
def test_what_keeps_the_chat_from_working_is_told_at_the_start(
    wasm: pathlib.Path, tmp_path: pathlib.Path, variable: str, problems: list[str]
) -> None:
    assert wasm.exists()
    with run_host(tmp_path, "--variable", variable) as host:
        for problem in problems:
            await_line(host.process, host.log, problem)


def test_nothing_is_told_at_the_start_of_a_chat_that_works(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    with run_host(tmp_path, *as_flags([f"redis_address={shared_redis.address}"])) as host:
        await_line(host.process, host.log, '"route": "/readyz", "status": 200')

    assert "Not ready" not in host.output()


def test_a_port_that_something_else_has_is_named(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"redis://127.0.0.1:{listener.getsockname()[1]}"
        refused = up(
            "--embedded", "redis", "--variable", f"redis_address={address}",
            "--state-dir", str(tmp_path),
        )  # fmt: skip

    assert refused.returncode == 1
    assert f"something else than a Redis listens at {address.partition('//')[2]}" in refused.stderr


def test_a_model_that_is_not_whole_is_named(wasm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert wasm.exists()
    half = tmp_path / "half.gguf"
    half.write_bytes((ROOT / "models" / "demo.gguf").read_bytes()[:100_000])
    refused = up(
        "--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "state"),
        "--model", f"llama2-chat={half}",
    )  # fmt: skip

    assert refused.returncode == 1
    assert f"Error: the model llama2-chat: could not load {half}" in refused.stderr


@pytest.mark.parametrize("command", ["up", "model"])
def test_every_flag_is_explained_with_its_default(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args([command, "--help"])
    listed = capsys.readouterr().out.partition("-h, --help")[2]
    flags = re.split(r"^  (?=-)", listed, flags=re.MULTILINE)[1:]

    assert flags
    for flag in flags:
        assert re.search(r"\([^)]+\)", flag), flag


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(["--from", "/nowhere"], "/nowhere", id="no manifest"),
        pytest.param(["--listen", "127.0.0.1"], "must be HOST:PORT", id="no port"),
        pytest.param(["--listen", "127.0.0.1:x"], "must be HOST:PORT", id="no number"),
        pytest.param(["--runtime-config-file", "/nowhere.toml"], "/nowhere.toml", id="no config"),
        pytest.param(["--variable", "x"], "--variable x: must be", id="no value"),
        pytest.param(["--env", "x"], "--env x: must be", id="no environment value"),
        pytest.param(["--model", "m=/nowhere.gguf"], "--model m: there is no file", id="no model"),
        pytest.param(
            ["--variable", "context_lenght=300"],
            "--variable context_lenght: the application has no such name; is it context_length?",
            id="a typing error",
        ),
        pytest.param(
            ["--model", f"foo={ROOT / 'models' / 'demo.gguf'}"],
            "--model foo: the application has no such name, but all-minilm-l6-v2, llama2-chat",
            id="a model that nobody asks for",
        ),
        pytest.param(["--workers", "0"], "--workers: must be 1 or more", id="no workers"),
        pytest.param(
            ["--embedded", "redis", "--variable", "redis_address=redis://example.invalid:6379"],
            "only for a `redis://` address on this machine",
            id="a Redis elsewhere",
        ),
        pytest.param(
            ["--embedded", "redis", "--variable", "redis_address=127.0.0.1:6379"],
            "the variable redis_address must be `redis://HOST:PORT`",
            id="a Redis without a scheme",
        ),
        pytest.param(
            ["--model", f"llama2-chat={ROOT / 'spin.toml'}"],
            f"--model llama2-chat: {ROOT / 'spin.toml'} is not a GGUF file",
            id="a file that is no model",
        ),
        pytest.param(
            ["--embedded", "chroma", "--variable", "chroma_address=https://127.0.0.1:1"],
            "only for a `http://` address on this machine",
            id="a Chroma with TLS",
        ),
    ],
)
def test_a_bad_flag_is_refused_in_one_line(
    wasm: pathlib.Path, tmp_path: pathlib.Path, arguments: list[str], problem: str
) -> None:
    assert wasm.exists()

    listen = [] if "--listen" in arguments else ["--listen", f"127.0.0.1:{free_port()}"]
    ended = up("--state-dir", str(tmp_path), *listen, *arguments)

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert problem in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        ended = up("--listen", address)

    assert ended.returncode == 1
    assert f"--listen {address}: Address already in use" in ended.stderr


def test_a_build_command_runs_first_and_its_failure_ends_the_start(
    probe_wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    manifest = tmp_path / "spin.toml"
    manifest.write_text(
        'spin_manifest_version = 2\n[application]\nname = "b"\n[[trigger.http]]\nroute = "/..."\n'
        f'component = "b"\n[component.b]\nsource = "{probe_wasm}"\n[component.b.build]\n'
        'command = ["echo one > built", "false"]\n'
    )

    ended = up("--from", str(manifest), "--build", "--listen", f"127.0.0.1:{free_port()}")

    assert (tmp_path / "built").read_text() == "one\n"
    assert ended.returncode == 1
    assert "Build command for component b failed" in ended.stderr
