"""The official client's own retries: it waits as long as it is told, and succeeds by itself."""

import concurrent.futures
import contextlib
import json
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.e2e.streaming import DONE, delta
from tests.e2e.test_owners import ask as send
from tests.e2e.test_owners import new_token
from tests.looking import look
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    free_port,
    run_host,
)

LIMIT = 3
"""How many turns an owner may take a minute here."""
AGE_S = 58
"""How long ago the turns of the minute are, once a test has aged them; 61 s later none counts."""
BUSY_S = 1.5


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRedis]:
    running = RunningRedis(free_port(), tmp_path_factory.mktemp("redis"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def limited(
    wasm: pathlib.Path,
    redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    variables = [
        f"redis_address={redis.address}", "model_api=openai", "key_prefix=retries",
        f"model_origin={shared_endpoint.url}", f"rate_per_owner_per_minute={LIMIT}",
    ]  # fmt: skip
    with run_host(tmp_path_factory.mktemp("retries"), *as_flags(variables)) as host:
        yield host


@pytest.fixture
def host(limited: RunningHost, endpoint: ModelEndpoint) -> RunningHost:
    endpoint.answer = answer
    return limited


def answer(asked: Asked) -> Answer:
    """Repeat the prompt; what says that it is slow comes after a while."""
    prompt = json.loads(asked.body)["messages"][-1]["content"]
    told = delta(f"You said {prompt}", "stop") + DONE
    return Answer(told, delay_s=BUSY_S if "slow" in prompt else 0.0)


@contextlib.contextmanager
def open_client(host: RunningHost, token: str) -> Iterator[tuple[OpenAI, list[httpx.Response]]]:
    """Make a client with the retries that it has by itself; yield it, and the answers it gets."""
    answers: list[httpx.Response] = []
    hooks = {"response": [answers.append]}
    with httpx.Client(timeout=60, trust_env=False, event_hooks=hooks) as http:
        yield OpenAI(base_url=f"{host.url}/v1", api_key=token, http_client=http), answers


def seen(answers: list[httpx.Response]) -> list[tuple[int, str | None]]:
    return [(one.status_code, one.headers.get("retry-after")) for one in answers]


def age(redis: RunningRedis) -> None:
    """Make all turns of the minute older, as if the time had passed."""
    connection = look(redis)
    call: Callable[[list[bytes]], Any] = connection.call
    for key in call([b"KEYS", b"retries:*:rate"]):
        count = sum(map(int, call([b"HVALS", key])))
        second = int(call([b"TIME"])[0]) - AGE_S
        call([b"DEL", key])
        call([b"HSET", key, b"%d" % second, b"%d" % count])
    connection.close()


def by_responses(client: OpenAI, text: str) -> str:
    return client.responses.create(input=text).output_text


def by_completions(client: OpenAI, text: str) -> str:
    told = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return told.choices[0].message.content or ""


@pytest.mark.parametrize("say", [by_responses, by_completions])
def test_over_the_limit_the_client_waits_as_long_as_it_is_told(
    host: RunningHost, redis: RunningRedis, say: Callable[[OpenAI, str], str]
) -> None:
    with open_client(host, new_token(host)) as (client, answers):
        for _ in range(LIMIT):
            say(client, "Hi")
        age(redis)
        answers.clear()
        begun = time.monotonic()
        told = say(client, "one more")

    assert told == "You said one more"
    assert [one.status_code for one in answers] == [429, 200]
    assert 1 <= int(answers[0].headers["retry-after"]) <= time.monotonic() - begun


def test_a_busy_conversation_is_tried_again_until_it_is_free(
    host: RunningHost, endpoint: ModelEndpoint
) -> None:
    token = new_token(host)
    with (
        open_client(host, token) as (slow, _),
        open_client(host, token) as (client, answers),
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):
        begun = slow.conversations.create()
        first = threads.submit(slow.responses.create, input="slow", conversation=begun.id)
        while not endpoint.asked:
            time.sleep(0.01)
        second = client.responses.create(input="two", conversation=begun.id)
        items = list(client.conversations.items.list(begun.id, order="asc"))

    assert first.result().output_text == "You said slow"
    assert second.output_text == "You said two"
    assert seen(answers)[0] == (409, "1")
    assert len(items) == 4


def streamed(client: OpenAI, text: str) -> Any:
    with client.responses.stream(model="m", input=text) as stream:
        return stream.get_final_response()


def plain(client: OpenAI, text: str) -> Any:
    return client.responses.create(input=text)


@pytest.mark.parametrize("ask", [plain, streamed])
@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_while_redis_is_away_for_a_moment_the_client_waits(
    host: RunningHost, redis: RunningRedis, ask: Callable[[OpenAI, str], Any]
) -> None:
    token = new_token(host)
    with (
        open_client(host, token) as (client, answers),
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):
        redis.kill()
        # who finds a kept connection broken is told that something may have been stored
        send(host, "GET", "/conversations", token)
        asked = threads.submit(ask, client, "one")
        while not answers:
            time.sleep(0.01)
        redis.start()
        told = asked.result()
        found = client.responses.retrieve(told.id)

    assert told.output_text == found.output_text == "You said one"
    assert seen(answers)[:2] == [(503, "5"), (200, None)]
