"""Measures the parts of a turn, with a model that answers at once."""

import json
import statistics
import threading
import time
from collections.abc import Callable

import httpx
from wasmtime import Store

from bench.redis_counts import count_calls
from bench.tables import SPREAD, describe, header, row
from host.abi.compiling import compile_component, make_wasm_engine
from host.abi.instance import Instance
from host.abi.linker import Linker
from host.app.manifest import load_manifest
from tests.running import ROOT, Answer, Asked, RunningHost, RunningRedis, default_answer

CALLS = 200
CONTEXT = "You are a helpful chef."
REPLY = "Your name is Ada, and you said that the soup was too hot to eat."
PROMPT = "What is my name, and what did I say about the soup?"
HEAD = f"""
### What a turn is made of

One request after the other, {CALLS} of each: {SPREAD}. The window
fills while they run.
"""


def measure_ms(call: Callable[[], object], count: int = CALLS) -> list[float]:
    """Time `count` calls one after the other, in ms."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    return times


def answer(asked: Asked) -> Answer:
    """Answer at once, with counts as of a tokenizer: four characters to a token."""
    return default_answer(REPLY, len(asked.prompt) // 4, len(REPLY) // 4)


def bench_turns(host: RunningHost, redis: RunningRedis, endpoint_url: str) -> None:
    """Print the table of times."""
    body = json.dumps({"model": "m", "prompt": "p"})
    with httpx.Client(trust_env=False) as client:
        model_ms = measure_ms(lambda: client.post(f"{endpoint_url}/infer", content=body))
    started = host.post(context=CONTEXT, prompt=PROMPT).json()["id"]
    before = count_calls(redis)
    turns_ms = measure_ms(lambda: host.post(id=started, prompt=PROMPT))
    after = count_calls(redis)

    print(HEAD, end="")
    header("", "ms", "ratio")
    base = statistics.median(model_ms)
    for name, taken in (
        ("the model's endpoint alone", model_ms),
        ("an instance, not called", instantiation_ms()),
        ("a path that is not served: instance and HTTP", missing_ms(host)),
        ("a new credential: instance, HTTP and settings", session_ms(host)),
        ("a turn", turns_ms),
    ):
        row(name, describe(taken), f"{statistics.median(taken) / base:.1f}")
    asked = {
        name: round((count - before.get(name, 0)) / CALLS, 2)
        for name, count in after.items()
        if count - before.get(name, 0) >= CALLS
    }
    print(f"\nRedis commands for each turn, those inside scripts included: {asked}")


def instantiation_ms() -> list[float]:
    """Time a fresh store and instance of the component, without calling it."""
    engine = make_wasm_engine(is_warm=True)
    manifest = load_manifest(ROOT)
    component = compile_component(engine, ROOT / manifest.components["chat"].source)
    linker = Linker(engine, component, {})

    def instantiate() -> None:
        with linker.running(Instance({}, threading.Lock())) as linked, Store(engine) as store:
            linked.instantiate(store, component)

    return measure_ms(instantiate)


def missing_ms(host: RunningHost) -> list[float]:
    """Time the shortest request that a guest answers."""
    return measure_ms(lambda: host.client.get("/nowhere"))


def session_ms(host: RunningHost) -> list[float]:
    """Time a request that reads the settings, and asks no store and no model."""
    return measure_ms(lambda: host.client.post("/session"))
