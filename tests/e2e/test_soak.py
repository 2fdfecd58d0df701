"""Instances answer thousands of turns while Redis, the model and callers fail: nothing stays.

No turn is lost or doubled, no conversation stays locked, no connection stays open, and the memory
is that of the first turns. `THOROUGH=1` takes 20,000 turns. `CHAOS_SEED=n` does the same harm
again.
"""

import itertools
import json
import os
import pathlib
import random
import secrets
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.chaos import Sent, wrongs
from tests.e2e.faulty_model import (
    FaultyModel,
    answer,
    be_slow,
    break_off,
    drip_on,
    fail,
    hang_up,
    say_nothing,
    stop_in_the_body,
)
from tests.e2e.test_chaos import (
    TURN_TIMEOUT_S,
    Scene,
    await_homes,
    call,
    freeze_redis,
    go_on,
    kill_redis,
    let_write,
    make_homes,
    read_all,
    settle,
)
from tests.e2e.test_slow import SlowModel
from tests.e2e.writers import Home, World
from tests.portioned import THOROUGH
from tests.running import RunningHost, RunningRedis, as_flags, run_host

TURNS = 20_000 if THOROUGH else 1_000
HOMES = 16
"""Conversations that one writes into, and one who leaves."""
HARMLESS_TURNS = (200, 600) if THOROUGH else (100, 300)
"""How many turns are answered between two harms to Redis."""
WAYS = {
    answer: 400, be_slow: 20, fail: 4, hang_up: 3, break_off: 3, say_nothing: 3,
    stop_in_the_body: 2, drip_on: 2,
}  # fmt: skip
"""How often the model does what."""
MET = {"200", "503 store_unavailable", "504 model_timeout"}
STUCK_S = 60
"""No pause between two answers is as long."""
SAMPLE_S = 0.1
IDLE_S = 3
"""By then Spin has ended its idle instances, which it does after one second."""
MORE_SHARE, MORE_MIB = 1.15, 32
"""How much more memory may be in use at the end than after the first sixth of the turns."""


@dataclass(frozen=True)
class Sample:
    """The memory of the host at some time."""

    turns: int
    mib: int


class Leaver:
    """Sends turns to homes, and leaves before they are answered."""

    def __init__(self, world: World, home: Home) -> None:
        self._world, self._home = world, home
        self._chance = random.Random(f"{world.seed} {home.name} leaves")

    def write(self) -> None:
        host, port = self._world.url.removeprefix("http://").split(":")
        for number in itertools.count():
            if self._world.is_over.wait(self._chance.uniform(0.2, 1.5)):
                return
            name = self._home.name
            prompt = f"This is prompt {number} of one who leaves {name}."
            sent = Sent(name, prompt, None, time.monotonic(), may_be_stored=True)
            self._world.sent.append((self._home, sent))
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(self._request(prompt))
                time.sleep(self._chance.uniform(0, 0.05))

    def _request(self, prompt: str) -> bytes:
        body = json.dumps({"id": self._home.id, "prompt": prompt})
        token = f"authorization: Bearer {self._home.token}\r\n" if self._home.token else ""
        head = f"POST / HTTP/1.1\r\nhost: x\r\n{token}content-length: {len(body)}\r\n\r\n"
        return f"{head}{body}".encode()


def let_leave(world: World) -> list[threading.Thread]:
    leavers = [Leaver(world, home) for home in world.homes]
    threads = [threading.Thread(target=leaver.write, daemon=True) for leaver in leavers]
    for thread in threads:
        thread.start()
    return threads


def sample_memory(world: World, host: RunningHost, samples: list[Sample]) -> None:
    while not world.is_over.wait(SAMPLE_S):
        samples.append(Sample(world.outcomes["200"], host.resident_mib()))


def soak(scene: Scene, world: World) -> list[Sample]:
    """Let all write until there are enough turns, and do harm; return the memory meanwhile."""
    samples: list[Sample] = []
    make_homes(world, scene.host, HOMES)
    threads = let_write(world, 1)
    sampling = threading.Thread(target=sample_memory, args=(world, scene.host, samples))
    sampling.start()
    threads.append(sampling)
    try:
        await_homes(world)
        threads += let_leave(world)
        while (answered := world.outcomes["200"]) < TURNS:
            await_answers(world, answered + scene.chance.randint(*HARMLESS_TURNS))
            scene.chance.choice([kill_redis, freeze_redis])(scene)
    finally:
        world.is_over.set()
        for thread in threads:
            thread.join()
    return samples


def await_answers(world: World, count: int) -> None:
    """Wait until so many turns are answered.

    Errors: AssertionError if none is answered for long.
    """
    last, deadline = 0, time.monotonic() + STUCK_S
    while (answered := world.outcomes["200"]) < count:
        assert time.monotonic() < deadline, world.outcomes
        if answered > last:
            last, deadline = answered, time.monotonic() + STUCK_S
        time.sleep(0.1)


def memory(samples: list[Sample], begin: float, end: float) -> float:
    """Return the median memory between two shares of all turns, in MiB."""
    last = samples[-1].turns
    between = [one.mib for one in samples if begin * last <= one.turns <= end * last]
    return statistics.median(between)


def connections(redis: RunningRedis) -> int:
    """Return how many connections Redis has beside the one that asks."""
    reply = call(redis, "CLIENT", "LIST")
    assert isinstance(reply, bytes)
    return len(reply.splitlines()) - 1


@pytest.fixture
def model() -> Iterator[tuple[SlowModel, FaultyModel]]:
    seed = int(os.environ.get("CHAOS_SEED", secrets.randbelow(10**6)))
    print(f"CHAOS_SEED={seed}")
    faulty, endpoint = FaultyModel(seed, WAYS), SlowModel()
    endpoint.manner = faulty
    yield endpoint, faulty
    endpoint.close()


@pytest.mark.preview_3("its instances live on, and answer one request after the other")
@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_instances_that_live_on_keep_no_memory_lock_or_connection_and_lose_no_turn(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    model: tuple[SlowModel, FaultyModel],
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    endpoint, faulty = model
    call(own_redis, "CONFIG", "SET", "appendfsync", "always")
    variables = [
        f"redis_address={own_redis.address}", "model_api=openai", f"model_origin={endpoint.url}",
        f"turn_timeout_s={TURN_TIMEOUT_S}", "redis_timeout_s=1", "context_length=600",
        "max_reply_tokens=60", "archive_turns=0", "rate_global_per_minute=0",
    ]  # fmt: skip
    world, begun = World(faulty.seed), time.monotonic()
    with run_host(tmp_path, *as_flags(variables)) as host:
        world.url = host.url
        scene = Scene(host, own_redis, faulty, random.Random(faulty.seed))

        samples = soak(scene, world)
        taken_s = time.monotonic() - begun

        time.sleep(max(TURN_TIMEOUT_S, IDLE_S))
        assert call(own_redis, "KEYS", "*:lock") == []
        assert connections(own_redis) == 0
        faulty.is_well = True
        settle(world, host)
        go_on(world, host)
        stored = read_all(world, host)
        assert "wasm trap" not in host.output()
    early, late = memory(samples, 0.15, 0.45), memory(samples, 0.7, 1.0)
    print(
        f"{len(stored)} turns of {len(world.sent)} in {taken_s:.0f} s, {dict(world.outcomes)}; "
        f"{early:.0f} MiB, and {late:.0f} at the end, at most {max(one.mib for one in samples)}"
    )
    assert wrongs([sent for _, sent in world.sent], stored, faulty.said) == []
    assert faulty.mixed == []
    assert world.surprises == []
    assert set(world.outcomes) >= MET, "there was harm, and turns beside it"
    assert late <= early * MORE_SHARE + MORE_MIB, [(one.turns, one.mib) for one in samples]
