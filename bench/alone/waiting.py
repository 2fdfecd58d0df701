"""Measures how long conversations wait at once for a slow model, through Spin and directly."""

import concurrent.futures
import json
import pathlib
import statistics
import time

from bench.alone.turns import CONTEXT, PROMPT, REPLY, answer
from bench.tables import describe_few, header, row
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)

AT_ONCE = 16
SLOW_MODEL_S = 0.2
ROUNDS = 5
OK = 200
HEAD = f"""
### What a slow model costs many at once

A model that takes {SLOW_MODEL_S} s: first turns of conversations, one by itself and {AT_ONCE} at
once, until the last is answered; s, the median of {ROUNDS} (least to most). Spin asks one model at
a time for an app; an endpoint is asked by each turn itself.
"""


def slowly(asked: Asked) -> Answer:
    """Answer after `SLOW_MODEL_S`, in the format of the request."""
    if asked.path == "/infer":
        answered = answer(asked)
    else:
        usage = {"prompt_tokens": 40, "completion_tokens": 16}
        choice = {"message": {"role": "assistant", "content": REPLY}}
        answered = Answer(json.dumps({"choices": [choice], "usage": usage}).encode())
    answered.delay_s = SLOW_MODEL_S
    return answered


def bench_waiting(folder: pathlib.Path, redis: RunningRedis, endpoint: ModelEndpoint) -> None:
    """Print how long turns wait, asked through Spin and directly."""
    endpoint.answer = slowly
    address = as_flags([f"redis_address={redis.address}"])
    openai = as_flags(["model_api=openai", f"model_origin={endpoint.url}"])
    config = ["--runtime-config-file", remote_config(folder, endpoint.url)]
    print(HEAD, end="")
    header("", "one turn", f"{AT_ONCE} at once", "ratio")
    for name, flags in (("model_api=spin", config), ("model_api=openai", openai)):
        with run_host(folder / name.partition("=")[2], *flags, *address) as host:
            alone, together = zip(*(wait(host) for _ in range(ROUNDS)), strict=True)
        one, many = statistics.median(alone), statistics.median(together)
        row(name, describe_few(alone), describe_few(together), f"{many / one:.1f}")


def wait(host: RunningHost) -> tuple[float, float]:
    """Take one turn, and then many at once; return how long both took in seconds."""

    def start(_: int) -> None:
        assert host.post(context=CONTEXT, prompt=PROMPT).status_code == OK

    begun = time.perf_counter()
    start(0)
    one_s = time.perf_counter() - begun
    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(start, range(AT_ONCE)))
    return one_s, time.perf_counter() - begun
