"""What the log says: lines of one shape, marks instead of names, and traces that go on."""

import datetime as dt
import json
import pathlib
import re
import time
from collections.abc import Iterator

import pytest

from tests.e2e.test_memories import openai
from tests.e2e.test_openai import arguments
from tests.e2e.test_operators import logged
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.running import Answer, ModelEndpoint, RunningHost, RunningRedis, run_host

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    flags = arguments(shared_redis, shared_endpoint.url)
    with run_host(tmp_path_factory.mktemp("logs"), *flags) as host:
        yield host


def test_every_line_is_an_object_with_a_time_a_level_and_the_request(
    chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = openai()
    told = chat.post(context="c", prompt="Hello.")
    endpoint.answer = lambda _: Answer(b"", 500)
    failed = chat.post(context="c", prompt="Hello.")

    (one,), (other,) = (logged(chat, a.headers["x-request-id"]) for a in (told, failed))
    assert [(line["level"], line["event"]) for line in (one, other)] == [
        ("info", "request"), ("error", "request"),
    ]  # fmt: skip
    assert (other["status"], other["code"]) == (502, "model_failed")
    assert other["reason"]
    lines = [line for line in chat.output().splitlines() if line.startswith("{")]
    for line in map(json.loads, lines):
        assert list(line)[:3] == ["time", "level", "event"]
        assert STAMP.fullmatch(line["time"])
        assert line["request_id"]
    now = dt.datetime.now(dt.UTC)
    assert abs(now - dt.datetime.fromisoformat(one["time"])) < dt.timedelta(minutes=5)


def test_what_fails_on_the_way_to_a_model_has_the_requests_id(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    with run_host(tmp_path, *arguments(shared_redis, "http://127.0.0.1:1")) as host:
        failed = host.post(context="c", prompt="Hello.")
        deadline = time.monotonic() + 10
        while len(lines := logged(host, failed.headers["x-request-id"])) < 2:
            assert time.monotonic() < deadline

    assert failed.status_code == 503
    assert [(line["level"], line["event"]) for line in lines] == [
        ("warning", "http"), ("error", "request"),
    ]  # fmt: skip
    assert lines[0]["reason"]


def test_a_conversation_is_known_by_a_mark_and_by_nothing_else(
    chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = openai()
    token, other = new_token(chat), new_token(chat)
    mine, second = (start(chat, token, "Hello.") for _ in range(2))

    def mark(answered_id: str) -> str:
        (line,) = logged(chat, answered_id)
        return str(line["conversation"])

    turn = chat.client.post(
        "/", content=json.dumps({"id": mine, "prompt": "p"}), headers=bearer(token)
    )
    events = chat.client.post(
        "/",
        content=json.dumps({"id": mine, "prompt": "p"}),
        headers={**bearer(token), "accept": "text/event-stream"},
    )
    shown = ask(chat, "GET", f"/conversations/{mine}", token)
    also = ask(chat, "GET", f"/conversations/{second}", token)
    foreign = ask(chat, "GET", f"/conversations/{mine}", other)

    marks = [mark(a.headers["x-request-id"]) for a in (turn, events, shown, also, foreign)]
    assert foreign.status_code == 404
    assert marks[0] == marks[1] == marks[2]
    assert len(set(marks)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in marks)


@pytest.mark.parametrize("more", [{}, {"tracestate": "vendor=1,other=2"}])
def test_a_trace_goes_on_in_the_log_and_at_the_model(
    chat: RunningHost, endpoint: ModelEndpoint, more: dict[str, str]
) -> None:
    endpoint.answer = openai()
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", **more}

    body = json.dumps({"context": "c", "prompt": "Hello."})
    answered = chat.client.post("/", content=body, headers=headers)

    (line,) = logged(chat, answered.headers["x-request-id"])
    assert line["trace_id"] == TRACE
    assert re.fullmatch(r"[0-9a-f]{16}", line["span_id"])
    assert line["span_id"] != PARENT
    sent = endpoint.asked[-1].headers
    assert sent["traceparent"] == f"00-{TRACE}-{line['span_id']}-01"
    assert sent.get("tracestate") == more.get("tracestate")


@pytest.mark.parametrize(
    "given",
    [
        "", "00", f"00-{TRACE}-{PARENT}", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more", "x" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_trace_is_not_sent_on(
    chat: RunningHost, endpoint: ModelEndpoint, given: str
) -> None:
    endpoint.answer = openai()
    body = json.dumps({"context": "c", "prompt": "Hello."})
    answered = chat.client.post("/", content=body, headers={"traceparent": given})

    (line,) = logged(chat, answered.headers["x-request-id"])
    assert "trace_id" not in line
    assert "traceparent" not in endpoint.asked[-1].headers


def test_a_later_version_is_understood_as_the_first(
    chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = openai()
    headers = {"traceparent": f"01-{TRACE}-{PARENT}-00-more"}
    chat.client.post("/", content=json.dumps({"context": "c", "prompt": "p"}), headers=headers)

    assert endpoint.asked[-1].headers["traceparent"].startswith(f"00-{TRACE}-")
    assert endpoint.asked[-1].headers["traceparent"].endswith("-00")
