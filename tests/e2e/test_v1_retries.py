"""The official client's own retries: it waits as long as it is told, and succeeds by itself."""

import concurrent.futures
import json
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from host.interfaces.resp import Connection, parse_address
from tests.e2e.streaming import DONE, delta
from tests.e2e.test_owners import new_token
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
AWAY_S = 1.0
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


def make_client(host: RunningHost, token: str) -> tuple[OpenAI, list[httpx.Response]]:
    """Return a client with the retries that it has by itself, and the answers that it gets."""
    answers: list[httpx.Response] = []
    http = httpx.Client(timeout=60, trust_env=False, event_hooks={"response": [answers.append]})
    return OpenAI(base_url=f"{host.url}/v1", api_key=token, http_client=http), answers


def seen(answers: list[httpx.Response]) -> list[tuple[int, str | None]]:
    return [(one.status_code, one.headers.get("retry-after")) for one in answers]


def age(redis: RunningRedis) -> None:
    """Make all turns of the minute older, as if the time had passed."""
    connection = Connection(parse_address(redis.address))
    call: Callable[[list[bytes]], Any] = connection.call
    for key in call([b"KEYS", b"retries:*:rate"]):
        count = sum(map(int, call([b"HVALS", key])))
        second = int(call([b"TIME"])[0]) - AGE_S
        call([b"DEL", key])
        call([b"HSET", key, b"%d" % second, b"%d" % count])
    connection.close()


@pytest.mark.parametrize("surface", ["responses", "completions"])
def test_over_the_limit_the_client_waits_as_long_as_it_is_told(
    host: RunningHost, redis: RunningRedis, surface: str
) -> None:
    client, answers = make_client(host, new_token(host))

    def say(text: str) -> str:
        if surface == "responses":
            return client.responses.create(input=text).output_text
        messages = [{"role": "user", "content": text}]
        told = client.chat.completions.create(model="m", messages=messages)  # type: ignore[arg-type]
        return told.choices[0].message.content or ""

    for _ in range(LIMIT):
        say("Hi")
    age(redis)
    answers.clear()
    begun = time.monotonic()
    told = say("one more")

    assert told == "You said one more"
    waits = int(answers[0].headers["retry-after"])
    assert [one.status_code for one in answers] == [429, 200]
    assert waits <= time.monotonic() - begun


def test_a_busy_conversation_is_tried_again_until_it_is_free(
    host: RunningHost, endpoint: ModelEndpoint
) -> None:
    token = new_token(host)
    (slow, _), (client, answers) = make_client(host, token), make_client(host, token)
    begun = slow.conversations.create()
    with concurrent.futures.ThreadPoolExecutor() as threads:
        first = threads.submit(slow.responses.create, input="slow", conversation=begun.id)
        while not endpoint.asked:
            time.sleep(0.01)
        second = client.responses.create(input="two", conversation=begun.id)

    assert first.result().output_text == "You said slow"
    assert second.output_text == "You said two"
    assert seen(answers)[0] == (409, "1")
    assert seen(answers)[-1] == (200, None)
    items = client.conversations.items.list(begun.id, order="asc")
    assert len(list(items)) == 4


@pytest.mark.parametrize("is_streamed", [False, True])
def test_while_redis_is_away_for_a_moment_the_client_waits(
    host: RunningHost, redis: RunningRedis, *, is_streamed: bool
) -> None:
    client, answers = make_client(host, new_token(host))
    redis.kill()
    back = threading.Timer(AWAY_S, redis.start)
    back.start()

    told: Any
    if is_streamed:
        with client.responses.stream(model="m", input="one") as stream:
            told = stream.get_final_response()
    else:
        told = client.responses.create(input="one")
    back.join()

    assert told.output_text == "You said one"
    assert seen(answers) == [(503, "5"), (200, None)]
    assert client.responses.retrieve(told.id).output_text == "You said one"
