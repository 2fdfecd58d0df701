"""The examples of all documents are run, against a chat that runs."""

import json
import os
import pathlib
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chat.redis.connection import as_bytes, as_int, as_text
from host.interfaces.resp import Connection, parse_address
from tests.chat.native import NativeConnection
from tests.documents.reading import (
    WRITTEN,
    Block,
    blocks,
    commands_of,
    exchanges_of,
    read,
)
from tests.event_loops import run_in_thread
from tests.running import OWN_CONFIG, SPIN, RunningHost, RunningRedis, as_flags, run_host

SERVED = "http://127.0.0.1:3000"
OPERATOR = "a-long-enough-token"
VARIABLES = ["long_term=redis", "memory_min_chars=10", f"admin_token={OPERATOR}"]
VARYING = ("expires_at", "created_at", "active_at", "token")
"""The fields whose values differ each time."""
ASKING = [
    document
    for document in WRITTEN
    if any(
        "curl" in block.text and block.language in {"sh", "console"} for block in blocks(document)
    )
]


@contextmanager
def run_chat(redis: RunningRedis, folder: pathlib.Path) -> Iterator[RunningHost]:
    flags = as_flags([f"redis_address={redis.address}", *VARIABLES])
    with run_host(folder / "host", "--runtime-config-file", OWN_CONFIG, *flags) as host:
        yield host


@pytest.mark.parametrize("document", ASKING)
def test_requests_are_answered_as_the_document_says(
    document: str, wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    with run_chat(own_redis, tmp_path) as host:
        environ = {
            "PATH": os.environ["PATH"],
            "CURL_HOME": str(tmp_path),
            "T": host.client.post("/session").json()["token"],
            "A": OPERATOR,
        }
        (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail\n")
        for block in blocks(document):
            ask(block, host.url, environ, tmp_path)
        stored = run_in_thread(keys_of(own_redis))
    assert [key for key in stored if not is_told(*key)] == []
    assert [(key, left) for key, _, left in stored if is_for_ever(key) != (left == -1)] == []
    assert len(stored) > 1


def ask(block: Block, url: str, environ: dict[str, str], folder: pathlib.Path) -> None:
    """Run the requests of a block; their answers must be those that a `console` block shows."""
    exchanges = exchanges_of(block) if block.language == "console" else []
    lines = [(line, "") for line in commands_of(block)] if block.language == "sh" else exchanges
    for line, wanted in lines:
        if not line.startswith("curl "):
            continue
        answered = subprocess.run(
            ["sh", "-c", line.replace(SERVED, url)], cwd=folder, env=environ,
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        if wanted:
            assert alike(told_in(answered.stdout), told_in(wanted)), answered.stdout


def told_in(answer: str) -> Any:
    """Return the JSON of an answer; of server-sent events a list of names and data."""
    if answer.startswith("{"):
        return json.loads(answer)
    return [
        {"event": name, **json.loads(data)}
        for name, data in re.findall(r"^event: (.*)\ndata: (.*)$", answer, re.MULTILINE)
    ]


def alike(got: Any, wanted: Any) -> bool:
    """Whether an answer is as wanted, except for the fields whose values differ each time."""
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(
            type(got[name]) is type(value) if name in VARYING else alike(got[name], value)
            for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(alike, got, wanted))
    return bool(got == wanted)


async def keys_of(redis: RunningRedis) -> list[tuple[str, str, int]]:
    """Return all keys, each with its type and the seconds until it expires, -1 for never."""
    opened = Connection(parse_address(redis.address))
    connection = NativeConnection(opened)
    try:
        return [
            (
                as_bytes(key).decode(),
                as_text((await connection.execute("TYPE", [as_bytes(key)]))[0]),
                as_int((await connection.execute("TTL", [as_bytes(key)]))[0]),
            )
            for key in await connection.execute("KEYS", [b"*"])
        ]
    finally:
        opened.close()


def is_told(key: str, kind: str, _: int) -> bool:
    """Whether the document has a row for a key and its type."""
    rows = re.findall(r"^\| `(<prefix>:\S+)` \| (\w+) \|", read("docs/data.md"), re.MULTILINE)
    patterns = {"<prefix>": "chat", "<owner>": r"\{[^}]+\}", "<address>": r"\{[^}]+\}"}
    patterns |= {"<id>": r"\d+", "<day>": r"\d+", "<key>": "[0-9a-f]{40}", "<fencing>": "[0-9a-f]+"}
    for row, told in rows:
        pattern = re.escape(row)
        for name, one in patterns.items():
            pattern = pattern.replace(re.escape(name), one)
        if re.fullmatch(pattern, key) and kind == {"hll": "string"}.get(told, told):
            return True
    return False


def is_for_ever(key: str) -> bool:
    """Whether a key never expires; the usage does not because it has memories in it."""
    name = re.sub(r"^chat:(\{[^}]+\}:)?", "", key)
    return name in {"next_id", "stats", "usage"} or name.startswith("memories")


def test_the_exchange_in_readme_is_what_happens(
    wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    """With the settings as they are; and the first line of it is printed to be pasted."""
    assert wasm.exists()
    (talk,) = [exchange for block in blocks("README.md") if (exchange := exchanges_of(block))]
    arguments = as_flags([f"redis_address={own_redis.address}"])
    with run_host(tmp_path, "--runtime-config-file", OWN_CONFIG, *arguments) as host:
        for line, wanted in talk:
            answered = subprocess.run(
                ["sh", "-c", f"{line.replace(SERVED, host.url)} -s"],
                capture_output=True, check=True, text=True,
            )  # fmt: skip
            got = told_in(answered.stdout)
            assert alike(got, told_in(wanted)), answered.stdout
            result = got[-1] if isinstance(got, list) else got
            assert 0 <= result["expires_at"] - time.time() - 30 * 86_400 + 60 <= 60
        printed = host.output()

    assert len(talk) == 3
    assert f"Serving {host.url}\n" in printed
    if not SPIN:
        assert talk[0][0].replace(SERVED, host.url) in printed, "a line to paste"


def test_what_is_carried_away_comes_back_whole(
    wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    lines = [
        line
        for block in blocks("docs/memory.md")
        for line in commands_of(block)
        if re.search(r"/(export|me|import)\b", line)
    ]
    with run_chat(own_redis, tmp_path) as host:
        token = host.client.post("/session").json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        told = {"context": "You are a helpful chef.", "prompt": "My name is Ada."}
        host.client.post("/", json=told, headers=headers)
        before = host.client.get("/export", headers=headers).text
        for line in lines:
            environ = {"T": token, "PATH": os.environ["PATH"]}
            script = line.replace(SERVED, host.url)
            subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environ, check=True)
        after = host.client.get("/export", headers=headers).text

    assert len(lines) == 3
    assert (tmp_path / "mine.jsonl").read_text().partition("\n")[2] == before.partition("\n")[2]
    assert after.partition("\n")[2] == before.partition("\n")[2]
    assert len(after.splitlines()) > 4
