"""What a turn of this chat costs beside the model.

The component runs on our host with a real Redis; the model is a local HTTP server that answers at
once, and whose own time is measured and shown. Nothing is asserted here.
"""

import concurrent.futures
import json
import pathlib
import statistics
import threading
import time
from collections.abc import Callable

import httpx
from wasmtime import Store

from bench.history import bench_history
from bench.memories import bench_memories, embeds
from bench.recall import bench_recall
from host.compiling import compile_component, make_wasm_engine
from host.instance import Instance
from host.linker import Linker
from host.manifest import load_manifest
from host.resp import Connection, parse_address
from tests.running import (
    ROOT,
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    default_answer,
    free_port,
    remote_config,
    run_host,
    run_model_endpoint,
)

CALLS = 200
CONCURRENCY = 8
AT_ONCE = 16
SLOW_MODEL_S = 0.2
OK = 200
CONTEXT = "You are a helpful chef."
REPLY = "Your name is Ada, and you said that the soup was too hot to eat."
PROMPT = "What is my name, and what did I say about the soup?"


def measure_ms(call: Callable[[], object], count: int = CALLS) -> list[float]:
    """Time `count` calls one after the other, in ms."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    return times


def show(name: str, times: list[float], base: float) -> None:
    """Print a row: median, p99, and the ratio to the first row."""
    times = sorted(times)
    median, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    print(f"| {name} | {median:.2f} | {p99:.2f} | {median / base:.1f} |")


def redis_calls(redis: RunningRedis) -> dict[str, int]:
    """Count the calls that Redis got, by command."""
    connection = Connection(parse_address(redis.address))
    reply = connection.call([b"INFO", b"commandstats"])
    connection.close()
    lines = reply.decode().splitlines() if isinstance(reply, bytes) else []
    rows = (line.removeprefix("cmdstat_").split(":calls=") for line in lines if "calls=" in line)
    return {name: int(rest.partition(",")[0]) for name, rest in rows}


def answer(asked: Asked) -> Answer:
    """Answer at once, and count as a tokenizer might: four characters to a token."""
    return default_answer(REPLY, len(asked.prompt) // 4, len(REPLY) // 4)


def bench_turns(host: RunningHost, redis: RunningRedis, endpoint_url: str) -> None:
    """Print the table of times."""
    body = json.dumps({"model": "m", "prompt": "p"})
    with httpx.Client(trust_env=False) as client:
        model_ms = measure_ms(lambda: client.post(f"{endpoint_url}/infer", content=body))
    model = statistics.median(model_ms)
    started = host.post(context=CONTEXT, prompt=PROMPT).json()["id"]
    before = redis_calls(redis)
    turns_ms = measure_ms(lambda: host.post(id=started, prompt=PROMPT))
    after = redis_calls(redis)

    print("| one request after the other | median ms | p99 ms | ratio |")
    print("|---|---|---|---|")
    show("the model's endpoint alone", model_ms, model)
    show("an instance, not called", instantiation_ms(), model)
    show("a path that is not served: instance and HTTP", missing_ms(host), model)
    show("a new credential: instance, HTTP and settings", session_ms(host), model)
    show("a turn", turns_ms, model)
    print(f"\nA turn beside the model: {statistics.median(turns_ms) - model:.2f} ms (median)")
    asked = {
        name: round((count - before.get(name, 0)) / CALLS, 2)
        for name, count in after.items()
        if count - before.get(name, 0) >= CALLS
    }
    print(f"Redis commands for each turn, those inside scripts included: {asked}")
    trips = asked.get("evalsha", 0) + asked.get("eval", 0)
    print(f"Round trips to Redis for each turn, beside connecting: {trips}")


def instantiation_ms() -> list[float]:
    """Time a fresh store and instance of the component, without calling it."""
    engine = make_wasm_engine()
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
    """Time a request that reads the settings, and asks nothing."""
    return measure_ms(lambda: host.client.post("/session"))


def bench_concurrency(host: RunningHost) -> None:
    """Print how many turns a second run at once, over as many conversations."""

    def talk(_: int) -> int:
        with httpx.Client(base_url=host.url, timeout=60, trust_env=False) as client:
            started = client.post("/", json={"context": CONTEXT, "prompt": PROMPT}).json()["id"]
            for _ in range(CALLS // CONCURRENCY):
                client.post("/", json={"id": started, "prompt": PROMPT})
        return CALLS // CONCURRENCY + 1

    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as threads:
        turns = sum(threads.map(talk, range(CONCURRENCY)))
    print(
        f"Turns a second at concurrency {CONCURRENCY}: {turns / (time.perf_counter() - begun):.0f}"
    )


def slowly(asked: Asked) -> Answer:
    """Answer after `SLOW_MODEL_S`, in the format that was asked for."""
    if asked.path == "/infer":
        answered = answer(asked)
    else:
        usage = {"prompt_tokens": 40, "completion_tokens": 16}
        choice = {"message": {"role": "assistant", "content": REPLY}}
        answered = Answer(json.dumps({"choices": [choice], "usage": usage}).encode())
    answered.delay_s = SLOW_MODEL_S
    return answered


def bench_waiting(host: RunningHost, name: str, base_s: float) -> float:
    """Print how long one turn, and many at once, take with a slow model; return the one's time."""

    def start(_: int) -> None:
        assert host.post(context=CONTEXT, prompt=PROMPT).status_code == OK

    begun = time.perf_counter()
    start(0)
    one_s = time.perf_counter() - begun
    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(start, range(AT_ONCE)))
    all_s = time.perf_counter() - begun
    print(f"| {name} | {one_s:.2f} | {all_s:.2f} | {all_s / (base_s or one_s):.1f} |")
    return one_s


def bench_slow_model(folder: pathlib.Path, redis: RunningRedis, endpoint: ModelEndpoint) -> None:
    """Print what a slow model costs conversations at once, asked through Spin and directly."""
    endpoint.answer = slowly
    address = ["--variable", f"redis_address={redis.address}"]
    openai = ["model_api=openai", f"model_origin={endpoint.url}"]
    print(f"\n| model of {SLOW_MODEL_S} s | one turn s | {AT_ONCE} at once s | ratio |")
    print("|---|---|---|---|")
    config = ["--runtime-config-file", remote_config(folder, endpoint.url)]
    with run_host(folder / "spin", *config, *address) as host:
        base_s = bench_waiting(host, "model_api=spin: one call at a time", 0.0)
    variables = [part for variable in openai for part in ("--variable", variable)]
    with run_host(folder / "openai", *address, *variables) as host:
        bench_waiting(host, "model_api=openai: side by side", base_s)


def bench_alone(folder: pathlib.Path) -> None:
    """Print what a turn of this chat is made of, and what its memories cost."""
    with run_model_endpoint() as endpoint:
        endpoint.answer = answer
        redis = RunningRedis(free_port(), folder / "redis")
        redis.start()
        config = remote_config(folder, endpoint.url)
        address = f"redis_address={redis.address}"
        with run_host(folder, "--runtime-config-file", config, "--variable", address) as host:
            bench_turns(host, redis, endpoint.url)
            bench_concurrency(host)
            off = ["--variable", address, "--variable", "recall=off"]
            with run_host(folder / "off", "--runtime-config-file", config, *off) as without:
                bench_history(without, redis, CONTEXT, PROMPT, REPLY)
                bench_recall(host, without, redis)
        endpoint.answer = embeds(answer)
        bench_memories(folder, config, redis)
        bench_slow_model(folder, redis, endpoint)
        redis.stop()
