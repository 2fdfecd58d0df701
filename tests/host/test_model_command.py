"""`python -m host model`: its flags, its refusals and its end."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import time

import httpx
import pytest

from host.engines.llama_cpp import DEMO_MODEL
from tests.models import LONG, MINILM, TOKEN
from tests.running import ROOT, RunningModels, free_port, run_models

pytestmark = pytest.mark.long


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "host", "model", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("is_busy", [False, True])
def test_a_signal_ends_it_well(tmp_path: pathlib.Path, sent: signal.Signals, is_busy: bool) -> None:
    with run_models(tmp_path) as models:
        with contextlib.ExitStack() as held:
            if is_busy:
                body = {**LONG, "stream": True}
                url = f"{models.url}/v1/chat/completions"
                held.enter_context(httpx.stream("POST", url, json=body))
            models.process.send_signal(sent)
            code = models.process.wait(20)
        output = models.output()

    assert code == 0
    assert output.splitlines()[-1] == "Stopped."
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(["--listen", "127.0.0.1"], "must be HOST:PORT", id="no port"),
        pytest.param(["--listen", "0.0.0.0:0"], "needs a --token", id="everybody, no token"),
        pytest.param(["--listen", "[::]:0"], "needs a --token", id="everybody by IPv6"),
        pytest.param(["--model", "m"], "must be of the form `name=value`", id="no file"),
        pytest.param(["--model", "m=/nowhere.gguf"], "there is no file", id="a missing file"),
        pytest.param(["--model", f"{MINILM}={DEMO_MODEL}"], "is built in", id="a taken name"),
        pytest.param(["--model", "m=README.md"], "README.md is not a GGUF file", id="no model"),
        pytest.param(["--token", ""], "--token: must be", id="an empty token"),
        pytest.param(["--token", "s3cret word"], "--token: must be", id="a token with a space"),
        pytest.param(["--token", "@/nowhere"], "--token @/nowhere: it cannot", id="no token file"),
    ],
)  # fmt: skip
def test_a_bad_flag_is_refused_in_one_line(arguments: list[str], problem: str) -> None:
    listen = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]

    ended = start(*listen, *arguments)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("Error: ")
    assert problem in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr


def test_a_port_that_is_taken_is_said(models: RunningModels) -> None:
    address = models.url.removeprefix("http://")

    ended = start("--listen", address)

    assert ended.returncode == 1
    assert f"--listen {address}: Address already in use" in ended.stderr


def test_with_a_token_it_may_listen_for_others(tmp_path: pathlib.Path) -> None:
    port = free_port()
    log = tmp_path / "log"
    flags = ["--listen", f"0.0.0.0:{port}", "--token", TOKEN]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "host", "model", *flags], cwd=ROOT, stderr=output
        )
    try:
        deadline = time.monotonic() + 30
        while "Serving" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        answer = httpx.get(
            f"http://127.0.0.1:{port}/v1/models", headers={"authorization": f"Bearer {TOKEN}"}
        )
    finally:
        process.terminate()
        process.wait(20)

    assert answer.status_code == 200
    assert TOKEN not in log.read_text()
