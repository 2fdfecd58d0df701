"""How tests talk to the probe guest."""

import json
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.running import RunningHost

MANIFEST = "tests/guests/probe/spin.toml"
TELL_TIMEOUT_S = 10.0

Step = Sequence[Any]
"""A step of a script: its name and its arguments. See the guest's `script.py`."""


def ask(host: RunningHost, name: str, /, **fields: object) -> Any:
    """Ask for one of the guest's probes."""
    response = host.client.post(f"/{name}", content=json.dumps(fields))
    assert response.status_code == 200, host.output()
    return response.json()


def as_script(token: str, *steps: Step) -> str:
    """Make the header that has the guest run a script; it tells of it with `token`."""
    return json.dumps({"token": token, "steps": steps})


def run_script(host: RunningHost, token: str, *steps: Step, method: str = "POST") -> httpx.Response:
    """Have the guest run a script, and wait for its whole response."""
    return host.client.request(method, "/", headers={"script": as_script(token, *steps)})


def call_raw(
    host: RunningHost, script: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> socket.socket:
    """Send a request with a script over a connection of the test's own."""
    address, port = host.url.removeprefix("http://").split(":")
    given = {"content-length": str(len(body))} if headers is None else headers
    lines = ["POST / HTTP/1.1", f"host: {address}", f"script: {script}"]
    lines += [f"{name}: {value}" for name, value in given.items()]
    client = socket.create_connection((address, int(port)))
    client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return client


def await_told(host: RunningHost, token: str, step: str) -> str:
    """Wait until the guest has told of a step, and return what."""
    told = f"{token} {step}: "
    deadline = time.monotonic() + TELL_TIMEOUT_S
    while time.monotonic() < deadline:
        for line in host.output().splitlines():
            if line.startswith(told):
                return line.removeprefix(told)
        time.sleep(0.02)
    raise AssertionError(f"never told: {told}\n{host.output()}")
