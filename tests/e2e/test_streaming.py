"""A reply is shown while it is made, and stored before its end is told."""

import json
import pathlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.e2e.streaming import (
    DONE,
    HEAD,
    USED,
    SpokenModel,
    chunk,
    delta,
    event,
    listening,
    run_spoken,
)
from tests.e2e.test_owners import ask, bearer, new_token
from tests.running import BUILD, SPIN, RunningHost, RunningRedis

TIMEOUT_S = 12
TICK_S = 2
SLACK_S = 6
"""What a busy machine takes on top."""


@pytest.fixture(scope="module")
def spoken() -> Iterator[SpokenModel]:
    model = SpokenModel()
    yield model
    model.close()


@pytest.fixture(scope="module")
def chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    spoken: SpokenModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    folder, variables = tmp_path_factory.mktemp("spoken"), (f"turn_timeout_s={TIMEOUT_S}",)
    with run_spoken(folder, shared_redis, spoken, "key_prefix=streaming", *variables) as host:
        yield host


def begin(chat: RunningHost, spoken: SpokenModel, token: str) -> int:
    """Begin a conversation; return its id."""
    spoken.answer_at_once("Hello.")
    return int(ask(chat, "POST", "/", token, context="c", prompt="Hi").json()["id"])


def contents(chat: RunningHost, token: str, conversation: int) -> list[str]:
    path = f"/conversations/{conversation}/messages?as_text=true"
    return list(ask(chat, "GET", path, token).json()["messages"])


def log_line(chat: RunningHost, request_id: str) -> dict[str, object]:
    """Wait for the log line of a request."""
    deadline = time.monotonic() + SLACK_S
    while f'"{request_id}"' not in chat.output():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    line = next(one for one in chat.output().splitlines() if f'"{request_id}"' in one)
    return dict(json.loads(line[line.index("{") :]))


def resume_at_once(chat: RunningHost, spoken: SpokenModel, token: str, conversation: int) -> None:
    """Take a turn as soon as the conversation is free, which it has to be soon."""
    begun = time.monotonic()
    spoken.answer_at_once("Free.")
    while True:
        answered = ask(chat, "POST", "/", token, id=conversation, prompt="next")
        assert time.monotonic() - begun < TICK_S + SLACK_S
        if answered.status_code == 200:
            return
        assert answered.json()["error"]["code"] == "conversation_busy"
        time.sleep(0.1)


def test_parts_come_while_the_model_speaks_and_the_result_once_it_is_stored(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    token, speaker = new_token(chat), spoken.speaker()
    headers = {**bearer(token), "idempotency-key": "once", "x-request-id": "whole"}
    with listening(chat, headers, context="c", prompt="Hi") as heard:
        assert heard.response.status_code == 200
        assert heard.response.headers["content-type"] == "text/event-stream"
        assert heard.response.headers["cache-control"] == "no-store"
        assert heard.any() == ("", None), "the head comes before the model has said anything"
        speaker.begin()
        speaker.say(" Hel")
        assert heard.text() == "Hel"
        speaker.say("lo,\n\n")
        assert heard.text() == "lo,"
        speaker.say("Ada ")
        assert heard.text() == "\n\nAda"
        assert ask(chat, "GET", "/conversations", token).json()["conversations"] == []
        speaker.end("length")
        name, result = heard.next()
        stored = contents(chat, token, result["id"])
        assert heard.rest() == []

    assert name == "result"
    assert stored == ["Hi", "Hello,\n\nAda"]
    assert (result["reply"], result["numberOfTokens"]) == ("Hello,\n\nAda", 14)
    assert result["usage"]["finish_reason"] == "length"
    repeated = chat.client.post(
        "/", content=json.dumps({"context": "c", "prompt": "Hi"}),
        headers={**bearer(token), "idempotency-key": "once"},
    )  # fmt: skip
    assert repeated.json() == result, "it is the object of the plain answer"
    line = log_line(chat, "whole")
    assert (line["status"], line["prompt_tokens"], line["generated_tokens"]) == (200, 11, 3)
    assert "model_ms" in line
    assert "is_whole" not in line


def test_a_repeated_request_is_its_result_at_once(chat: RunningHost, spoken: SpokenModel) -> None:
    token = new_token(chat)
    conversation = begin(chat, spoken, token)
    headers = {**bearer(token), "idempotency-key": "again"}
    spoken.answer_at_once("Fine.")
    with listening(chat, headers, id=conversation, prompt="And?") as heard:
        *parts, first = heard.rest()

    with listening(chat, headers, id=conversation, prompt="And?") as heard:
        assert heard.rest() == [first]

    assert parts == [("delta", {"text": "Fine."})]
    assert contents(chat, token, conversation) == ["Hi", "Hello.", "And?", "Fine."]


def test_what_is_refused_before_the_model_is_asked_is_a_plain_error(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    token = new_token(chat)
    conversation = begin(chat, spoken, token)
    asked: list[tuple[dict[str, object], int, str]] = [
        ({"id": 10**9, "prompt": "p"}, 404, "conversation_not_found"),
        ({"id": conversation, "prompt": "word " * 9000}, 413, "prompt_too_long"),
        ({"id": conversation}, 400, "invalid_request"),
    ]
    for fields, status, code in asked:
        with listening(chat, bearer(token), **fields) as heard:
            heard.response.read()
            assert heard.response.status_code == status
            assert heard.response.json()["error"]["code"] == code

    speaker = spoken.speaker()
    with listening(chat, bearer(token), id=conversation, prompt="first") as first:
        assert speaker.asked.wait(SLACK_S)
        with listening(chat, bearer(token), id=conversation, prompt="second") as second:
            assert second.response.status_code == 409
        speaker.begin()
        speaker.say("Fine.")
        speaker.end()
        assert [name for name, _ in first.rest()] == ["delta", "result"]


BROKEN = {
    "an error within": chunk(event(error={"message": "sk-1"})) + b"0\r\n\r\n",
    "an end without an end": b"0\r\n\r\n",
    "no JSON": chunk(b"data: {\n\n") + b"0\r\n\r\n",
}


@pytest.mark.parametrize("end", BROKEN.values(), ids=BROKEN)
def test_an_error_in_the_middle_is_an_event_and_nothing_is_stored(
    chat: RunningHost, spoken: SpokenModel, end: bytes
) -> None:
    token = new_token(chat)
    conversation, speaker = begin(chat, spoken, token), spoken.speaker()
    request_id = f"broken-{len(end)}"
    headers = {**bearer(token), "x-request-id": request_id}
    with listening(chat, headers, id=conversation, prompt="And?") as heard:
        speaker.begin()
        speaker.say("Fi")
        assert heard.text() == "Fi"
        speaker.send(end)
        name, data = heard.next()
        assert heard.rest() == []

    assert (name, data["error"]["code"]) == ("error", "model_failed")
    assert data["error"]["message"].endswith("; nothing was stored")
    assert "sk-1" not in str(data)
    assert contents(chat, token, conversation) == ["Hi", "Hello."]
    line = log_line(chat, request_id)
    assert (line["status"], line["code"]) == (200, "model_failed")
    spoken.answer_at_once("Free.")
    assert ask(chat, "POST", "/", token, id=conversation, prompt="next").status_code == 200


def test_a_connection_that_breaks_in_the_middle_is_an_error_event(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    speaker = spoken.speaker()
    with listening(chat, bearer(new_token(chat)), context="c", prompt="p") as heard:
        speaker.begin()
        speaker.say("Fi")
        assert heard.text() == "Fi"
        speaker.send(b"")
        name, data = heard.next()

    assert (name, data["error"]["code"]) == ("error", "model_unavailable")


def test_a_caller_that_leaves_has_none_of_the_turn_and_the_model_stops(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    """Another caller, whom the same instance may serve, is not disturbed."""
    token = new_token(chat)
    conversation, speaker = begin(chat, spoken, token), spoken.speaker()
    headers = {**bearer(token), "x-request-id": "left"}
    with listening(chat, headers, id=conversation, prompt="And?") as heard:
        speaker.begin()
        speaker.say("Fi")
        assert heard.text() == "Fi"
        beside = spoken.speaker()
        stack = ExitStack()
        other = stack.enter_context(listening(chat, bearer(token), context="c", prompt="Hi"))
        assert beside.asked.wait(SLACK_S)

    begun = time.monotonic()
    while not speaker.left.wait(0.1):
        speaker.say("ne, and on")
        assert time.monotonic() - begun < SLACK_S
    resume_at_once(chat, spoken, token, conversation)

    assert contents(chat, token, conversation) == ["Hi", "Hello.", "next", "Free."]
    assert log_line(chat, "left")["is_whole"] is False
    with stack:
        beside.begin()
        beside.say("Not me.")
        assert other.text() == "Not me."
        beside.end()
        assert other.next()[0] == "result"


@pytest.mark.parametrize("has_head", [True, False])
def test_a_caller_that_leaves_a_silent_model_frees_the_conversation_within_a_tick(
    chat: RunningHost, spoken: SpokenModel, *, has_head: bool
) -> None:
    token = new_token(chat)
    conversation, speaker = begin(chat, spoken, token), spoken.speaker()
    if has_head:
        speaker.begin()
    with listening(chat, bearer(token), id=conversation, prompt="And?") as heard:
        assert heard.any() == ("", None)
        assert speaker.asked.wait(SLACK_S)

    resume_at_once(chat, spoken, token, conversation)

    assert contents(chat, token, conversation) == ["Hi", "Hello.", "next", "Free."]
    speaker.send(HEAD if not has_head else chunk(b": late\n\n"))
    assert speaker.left.wait(SLACK_S)


@pytest.mark.preview_2("no call of Preview 3's host can be ended: the model's next byte ends it")
def test_a_silent_model_is_left_when_its_caller_has_left(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    speaker = spoken.speaker()
    with listening(chat, bearer(new_token(chat)), context="c", prompt="Hi") as heard:
        assert heard.any() == ("", None)
        assert speaker.asked.wait(SLACK_S)

    assert speaker.left.wait(TICK_S + SLACK_S)


@pytest.mark.parametrize("has_head", [True, False])
def test_a_comment_comes_where_nothing_else_does_for_two_seconds(
    chat: RunningHost, spoken: SpokenModel, *, has_head: bool
) -> None:
    speaker = spoken.speaker()
    if has_head:
        speaker.begin()
    with listening(chat, bearer(new_token(chat)), context="c", prompt="Hi") as heard:
        assert heard.any() == ("", None)
        assert speaker.asked.wait(SLACK_S)
        times = []
        for _ in range(2):
            assert heard.any() == ("", None)
            times.append(heard.lasted_s())
        if not has_head:
            speaker.begin()
        speaker.say("Now.")
        assert heard.text() == "Now."
        speaker.end()
        assert heard.next()[0] == "result"

    assert TICK_S - 0.5 < times[1] - times[0] < TICK_S + SLACK_S / 2


def test_a_turn_whose_time_is_up_ends_with_an_error_event(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    token, speaker = new_token(chat), spoken.speaker()
    with listening(chat, bearer(token), context="c", prompt="Hi") as heard:
        speaker.begin()
        speaker.say("Fi")
        assert heard.text() == "Fi"
        name, data = heard.next()

        assert (name, data["error"]["code"]) == ("error", "model_timeout")
        assert TIMEOUT_S - 1 < heard.lasted_s() < TIMEOUT_S + SLACK_S
    assert ask(chat, "GET", "/conversations", token).json()["conversations"] == []


def test_an_end_marker_is_never_shown_and_ends_the_reply(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    token, speaker = new_token(chat), spoken.speaker()
    with listening(chat, bearer(token), context="c", prompt="Hi") as heard:
        speaker.begin()
        for part in ("Fine. <|", "im_e", "nd|>\n<|im_start|>user"):
            speaker.say(part)
            time.sleep(0.1)
        shown = [data for name, data in heard.rest() if name == "delta"]
        assert speaker.left.wait(SLACK_S)

    assert "".join(data["text"] for data in shown) == "Fine."
    (only,) = ask(chat, "GET", "/conversations", token).json()["conversations"]
    assert contents(chat, token, only["id"]) == ["Hi", "Fine."]


def test_bytes_may_be_cut_anywhere_even_within_a_character(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    speaker = spoken.speaker()
    said = delta("Grüß dich, 😀!") + b": ping\r\n\r\n" + delta("", "stop") + USED + DONE
    with listening(chat, bearer(new_token(chat)), context="c", prompt="Hi") as heard:
        speaker.begin()
        for place in range(len(said)):
            speaker.send(chunk(said[place : place + 1]))
            time.sleep(0.002)
        speaker.send(b"0\r\n\r\n")
        assert heard.text() == "Grüß dich, 😀!"
        name, result = heard.next()

    assert (name, result["reply"]) == ("result", "Grüß dich, 😀!")


def test_an_endpoint_that_does_not_stream_is_one_part(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    message = {"choices": [{"message": {"role": "assistant", "content": " Fine. "}}]}
    body = json.dumps(message).encode()
    speaker = spoken.speaker()
    fields = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close"
    speaker.send(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + body)
    speaker.send(b"")
    with listening(chat, bearer(new_token(chat)), context="c", prompt="Hi") as heard:
        (name, data), (last, result) = heard.rest()

    assert (name, data) == ("delta", {"text": "Fine."})
    assert (last, result["reply"]) == ("result", "Fine.")
    assert speaker.request["stream"] is True
    assert speaker.request["stream_options"] == {"include_usage": True}


def test_an_endpoint_may_say_that_it_waits_for_the_body(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    speaker = spoken.speaker()
    speaker.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    speaker.begin()
    speaker.say("Fine.")
    speaker.end()
    with listening(chat, bearer(new_token(chat)), context="c", prompt="Hi") as heard:
        (_, data), (name, _) = heard.rest()

    assert (data, name) == ({"text": "Fine."}, "result")
    assert speaker.headers.get("expect") == ("100-continue" if SPIN and BUILD == "p3" else None)


def test_a_reasoning_model_is_asked_again_as_it_wants_to_be_asked(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model."
    body = json.dumps({"error": {"message": said, "param": "max_tokens"}}).encode()
    refuses = spoken.speaker()
    fields = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close"
    refuses.send(f"HTTP/1.1 400 Bad Request\r\n{fields}\r\n\r\n".encode() + body)
    refuses.send(b"")
    answers = spoken.answer_at_once("Fine.")
    with listening(chat, bearer(new_token(chat)), context="c", prompt="Hi") as heard:
        (_, data), (name, result) = heard.rest()

    assert data == {"text": "Fine."}
    assert (name, result["reply"]) == ("result", "Fine.")
    assert answers.request["messages"] == refuses.request["messages"]
    assert answers.request["max_completion_tokens"] == refuses.request["max_tokens"]
    assert answers.request.keys().isdisjoint({"max_tokens", "temperature", "top_p"})


def test_a_model_that_spends_all_on_reasoning_is_told_with_the_setting(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    speaker = spoken.speaker()
    speaker.begin()
    speaker.end("length")
    answered = ask(chat, "POST", "/", new_token(chat), context="c", prompt="Hi")

    assert (answered.status_code, answered.json()["error"]["code"]) == (502, "model_failed")
    assert "`max_reply_tokens`" in answered.json()["error"]["message"]


def test_a_caller_that_does_not_ask_for_events_gets_the_whole_answer(
    chat: RunningHost, spoken: SpokenModel
) -> None:
    spoken.answer_at_once(" Fine", ", thanks. ")

    answered = chat.client.post(
        "/", content=json.dumps({"context": "c", "prompt": "p"}),
        headers={"accept": "application/json, text/event-stream;q=0.5"},
    )  # fmt: skip

    assert answered.headers["content-type"] == "application/json"
    assert (answered.json()["reply"], answered.json()["numberOfTokens"]) == ("Fine, thanks.", 14)


STREAMS = 12


def test_many_hear_their_models_side_by_side(chat: RunningHost, spoken: SpokenModel) -> None:
    """Nobody's reply ends before everybody's has begun."""
    begun = threading.Barrier(STREAMS + 1)

    def hear(number: int) -> list[str]:
        with listening(chat, context="c", prompt=f"p{number}") as heard:
            first = heard.text()
            begun.wait(SLACK_S * 4)
            return [first, *(name for name, _ in heard.rest())]

    speakers = [spoken.speaker() for _ in range(STREAMS)]
    for speaker in speakers:
        speaker.begin()
        speaker.say("Hello.")
    with ThreadPoolExecutor(STREAMS) as threads:
        running = [threads.submit(hear, number) for number in range(STREAMS)]
        begun.wait(SLACK_S * 4)
        for speaker in speakers:
            speaker.end()

    assert [one.result() for one in running] == [["Hello.", "result"]] * STREAMS
