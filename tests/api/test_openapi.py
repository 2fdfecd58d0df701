"""The API document is true: schemathesis tries all of it against the real component."""

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from chat.core.errors import ChatError
from chat.http.openapi import describe_api
from chat.http.shapes import CONTENT
from chat.wiring.surfaces import OPERATIONS, SURFACES
from tests.running import ROOT, RunningHost, RunningRedis, run_host

ADMIN_TOKEN = "the-operator-alone-knows"
BUDGET_S = 60
EXAMPLES = 15
HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def host(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    """Serve everything that there is, with the demo model."""
    assert wasm.exists()
    variables = {
        "redis_address": shared_redis.address,
        "key_prefix": "openapi",
        "long_term": "redis",
        "memory_min_chars": "10",
        "admin_token": ADMIN_TOKEN,
        "rate_global_per_minute": "0",
    }
    flags = [
        part for name, value in variables.items() for part in ("--variable", f"{name}={value}")
    ]
    with run_host(tmp_path_factory.mktemp("api"), *flags) as running:
        yield running


@pytest.fixture(scope="module")
def document(host: RunningHost) -> dict[str, Any]:
    got: dict[str, Any] = host.client.get("/openapi.json").json()
    return got


def test_all_that_the_document_says_is_so(host: RunningHost, tmp_path: pathlib.Path) -> None:
    token = host.client.post("/session").json()["token"]
    command = [
        str(pathlib.Path(sys.executable).parent / "schemathesis"),
        "--config-file", str(HERE / "schemathesis.toml"),
        "run", f"{host.url}/openapi.json",
        "--max-time", str(BUDGET_S), "--max-examples", str(EXAMPLES), "--continue-on-failure",
        "--generation-database", "none", "--no-color", "--seed", "1",
    ]  # fmt: skip
    environ = {
        **os.environ,
        "OWNER_TOKEN": token,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "SCHEMATHESIS_HOOKS": "tests.api.hooks",
        "PYTHONPATH": str(ROOT),
    }
    tried = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )

    assert tried.returncode == 0, tried.stdout[-8000:] + tried.stderr[-2000:]
    but_itself = len(list(operations(describe_api(SURFACES, has_admin=True)))) - 1
    assert f"{but_itself} selected / {but_itself} total" in tried.stdout
    assert "Stateful" in tried.stdout
    assert '"status": 500' not in host.output(), "no instance ended"


def operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def test_the_document_has_every_operation_and_every_error(document: dict[str, Any]) -> None:
    served = {operation.action for path in OPERATIONS.values() for operation in path.values()}
    assert {operation["operationId"] for operation in operations(document)} == served

    told = json.dumps(document)
    not_told = {
        error.code
        for error in every_error(ChatError)
        if not any(f"`{surface.code_of(error)}`" in told for surface in SURFACES)
    }
    assert not_told <= {"not_found", "method_not_allowed"}


def every_error(base: type[ChatError]) -> Iterator[type[ChatError]]:
    yield base
    for error in base.__subclasses__():
        yield from every_error(error)


def test_what_is_for_operators_is_described_where_there_is_one(
    document: dict[str, Any], remote_chat: RunningHost
) -> None:
    without = remote_chat.client.get("/openapi.json").json()

    assert {"/admin/stats", "/metrics", "/admin/cleanup"} == set(document["paths"]) - set(
        without["paths"]
    )
    assert "admin" not in without["components"]["securitySchemes"]


def test_the_document_takes_for_empty_what_the_chat_does() -> None:
    pattern = re.compile(CONTENT["pattern"])
    letters = (chr(code) for code in range(sys.maxunicode + 1))

    assert [
        hex(ord(one)) for one in letters if bool(pattern.search(one)) != bool(one.strip())
    ] == []
