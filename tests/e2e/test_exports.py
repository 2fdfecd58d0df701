"""Every export can be imported: while others write, and with all that the limits let in."""

import json
import pathlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.test_memories import flags, openai
from tests.e2e.test_owners import bearer, new_token, start
from tests.running import ModelEndpoint, RunningChroma, RunningHost, RunningRedis, run_host

WRITERS, EXPORTS, IN_THE_BEGINNING = 4, 8, 6
LONG = 65_000
TIMEOUT_S = 300.0


@pytest.fixture(params=["off", "redis", "chroma"])
def host(
    request: pytest.FixtureRequest,
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    shared_endpoint.answer = openai()
    more = [f"long_term={request.param}", f"key_prefix=x-{request.param}", "memory_min_chars=20"]
    if request.param == "chroma":
        chroma: RunningChroma = request.getfixturevalue("shared_chroma")
        more.append(f"chroma_address={chroma.address}")
    with run_host(tmp_path / "host", *flags(shared_redis, shared_endpoint.url, *more)) as running:
        yield running


@pytest.fixture
def client(host: RunningHost) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host.url, timeout=TIMEOUT_S, trust_env=False) as opened:
        yield opened


def write_until(
    over: threading.Event, client: httpx.Client, token: str, ids: list[int], number: int
) -> list[str]:
    """Take turns, add messages, begin and forget conversations; return what should not be."""
    wrong = []
    own: list[int] = []
    step = 0
    while not over.is_set():
        step += 1
        said = f"Writer {number} says this with step {step}."
        taken = ids[(number + step) % len(ids)]
        match step % 4:
            case 0:
                answer = client.post("/", headers=bearer(token), json={"id": taken, "prompt": said})
            case 1:
                messages = [{"role": "user", "content": f"{said} {i}"} for i in range(9)]
                path = f"/conversations/{taken}/messages"
                answer = client.post(path, headers=bearer(token), json={"messages": messages})
            case 2:
                new = {"context": said, "prompt": said}
                answer = client.post("/", headers=bearer(token), json=new)
                own += [answer.json()["id"]] if answer.is_success else []
            case _:
                path = f"/conversations/{own.pop() if own else 0}"
                answer = client.delete(path, headers=bearer(token))
        if answer.status_code not in {200, 201, 404, 409} and answer.content:
            wrong.append(answer.text)
    return wrong


def check(lines: list[dict[str, object]]) -> None:
    """Look whether heads, turns and memories agree."""
    heads = {line["id"]: line["turns"] for line in lines if line["type"] == "conversation"}
    turns = [line["conversation_id"] for line in lines if line["type"] == "turn"]
    assert {taken: turns.count(taken) for taken in heads} == heads
    for line in lines:
        if line["type"] == "memory":
            assert line["conversation_id"] in heads
            assert int(str(line["id"]).split(".")[1]) <= int(str(heads[line["conversation_id"]]))


def test_every_export_can_be_imported_while_others_write(
    host: RunningHost, client: httpx.Client
) -> None:
    token = new_token(host)
    ids = [start(host, token, f"The beginning of number {n}.") for n in range(IN_THE_BEGINNING)]
    over = threading.Event()
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [
            pool.submit(write_until, over, client, token, ids, number) for number in range(WRITERS)
        ]
        try:
            exports = [client.get("/export", headers=bearer(token)) for _ in range(EXPORTS)]
        finally:
            over.set()
        wrong = [one for written in writing for one in written.result()]

    assert wrong == []
    for exported in exports:
        check([json.loads(line) for line in exported.text.splitlines()])
        other = bearer(new_token(host))
        taken = client.post("/import", headers=other, content=exported.content)
        assert taken.status_code == 200, taken.text


@pytest.mark.parametrize("host", ["redis"], indirect=True)
def test_what_the_limits_let_in_goes_out_and_in_again(
    host: RunningHost, client: httpx.Client
) -> None:
    token, other = new_token(host), new_token(host)
    taken = start(host, token, "The beginning.")
    path = f"/conversations/{taken}/messages"
    for first in range(0, 110, 11):
        role = "user" if first < 99 else "tool"  # of which eight stand in one turn
        messages = [
            {"role": role, "content": f"{n}".ljust(LONG, "x")} for n in range(first, first + 11)
        ]
        added = client.post(path, headers=bearer(token), json={"messages": messages})
        assert added.status_code == 201, added.text
    before = client.get("/export", headers=bearer(token))

    answer = client.post("/import", headers=bearer(other), content=before.content)

    assert answer.status_code == 200, answer.text
    after = client.get("/export", headers=bearer(other))
    said = [
        [line["messages"] for line in map(json.loads, text.splitlines()) if line["type"] == "turn"]
        for text in (before.text, after.text)
    ]
    assert len(said[0]) == 102
    assert said[0] == said[1]
    assert before.text.splitlines()[-1] == after.text.splitlines()[-1]
