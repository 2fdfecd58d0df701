"""Many ask the model server at once, and some leave before they have their answer."""

import concurrent.futures
import contextlib
import json
import socket
import threading
import time

import httpx
import pytest

from tests.models import ADA, CHEF, LONG, MINILM, MODEL, NAME, chat, content
from tests.running import RunningModels


def read_long(models: RunningModels) -> contextlib.AbstractContextManager[httpx.Response]:
    """Begin to read a long reply."""
    body = {**LONG, "stream": True}
    return models.client.stream("POST", "/v1/chat/completions", content=json.dumps(body))


@pytest.fixture(scope="module")
def long_s(models: RunningModels) -> float:
    """Measure how long the model talks when nobody stops it."""
    began = time.monotonic()
    answer = models.post("/v1/chat/completions", **LONG).json()
    assert answer["usage"]["completion_tokens"] > 3000
    return time.monotonic() - began


def test_many_conversations_at_once_are_each_answered(models: RunningModels) -> None:
    def talk(name: str) -> str:
        told = {"role": "user", "content": f"My name is {name}."}
        nice = {"role": "assistant", "content": f"Nice to meet you, {name}!"}
        return content(chat(models, CHEF, told, nice, NAME, temperature=0))

    names = ["Ada", "Bob", "Clara", "David", "Emma", "Felix", "Grace", "Henry"] * 3
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(talk, names))

    assert replies == [f"Your name is {name}." for name in names]


def test_embeddings_do_not_wait_for_a_reply(models: RunningModels, long_s: float) -> None:
    with read_long(models) as response:
        next(response.iter_raw())
        began = time.monotonic()
        made = httpx.post(f"{models.url}/embed", json={"model": MINILM, "input": ["a cat"]})
        took_s = time.monotonic() - began

    assert made.status_code == 200
    assert took_s < long_s / 2


def test_a_reader_of_a_stream_who_leaves_ends_it(models: RunningModels, long_s: float) -> None:
    with read_long(models) as response:
        next(response.iter_raw())

    began = time.monotonic()
    answer = chat(models, CHEF, ADA)

    assert answer.status_code == 200
    assert time.monotonic() - began < long_s / 2


@pytest.mark.parametrize("path", ["/infer", "/v1/chat/completions"])
def test_who_leaves_without_an_answer_ends_it(
    models: RunningModels, long_s: float, path: str
) -> None:
    options = {"maxTokens": 4000, "temperature": 0, "repeatPenalty": 1}
    endless = {"model": MODEL, "prompt": " to to to to", "options": options}
    body = endless if path == "/infer" else LONG
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{models.url}{path}", json=body, timeout=long_s / 8)

    began = time.monotonic()
    answer = chat(models, CHEF, ADA)

    assert answer.status_code == 200
    assert time.monotonic() - began < long_s / 2


def test_who_leaves_before_its_turn_takes_none(models: RunningModels, long_s: float) -> None:
    ended: list[float] = []

    def talk() -> None:
        models.post("/v1/chat/completions", **LONG)
        ended.append(time.monotonic())

    first = threading.Thread(target=talk)
    first.start()
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{models.url}/v1/chat/completions", json=LONG, timeout=long_s / 4)

    answer = chat(models, CHEF, ADA)
    last = time.monotonic()
    first.join()

    assert answer.status_code == 200
    assert last - ended[0] < long_s / 2


def test_half_a_body_holds_up_nobody(models: RunningModels) -> None:
    host, port = models.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"POST /infer HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")

        assert models.client.get("/v1/models").status_code == 200

    assert models.client.get("/v1/models").status_code == 200


def test_a_part_comes_before_the_reply_is_whole(models: RunningModels) -> None:
    with read_long(models) as response:
        arrivals = [time.monotonic() for _ in response.iter_raw()]

    assert len(arrivals) > 10
    assert arrivals[1] - arrivals[0] < (arrivals[-1] - arrivals[0]) / 4
