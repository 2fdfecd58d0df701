"""Many write while the model fails and the host and Redis are killed: what was answered is there.

`CHAOS_SEED=n` does again to the services and the model what the seed `n` did; what the writers
come to is chance.
"""

import contextlib
import os
import pathlib
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from host.interfaces.resp import ServerError
from tests.chaos import Sent, Stored, wrongs
from tests.e2e.faulty_model import FaultyModel
from tests.e2e.test_owners import ask, new_token
from tests.e2e.test_slow import SlowModel
from tests.e2e.writers import MAX_S, Home, World, Writer, send
from tests.looking import look
from tests.running import (
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)

HOMES, OPEN_HOMES, WRITERS = 8, 2, 3
"""Conversations, those of them that are anyone's, and who write into each."""
TURN_TIMEOUT_S = 2
RUNNING_START_S = TURN_TIMEOUT_S + 5
"""How long a key of a start that a kill cut off is held for running."""


@dataclass(frozen=True)
class Scene:
    """What harm is done to."""

    host: RunningHost
    redis: RunningRedis
    model: FaultyModel
    chance: random.Random


def kill_host(scene: Scene) -> None:
    scene.host.kill()


def kill_redis(scene: Scene) -> None:
    crash(scene.redis)
    time.sleep(scene.chance.uniform(0.1, 0.8))
    start_durable(scene.redis)


def kill_both(scene: Scene) -> None:
    harms: list[Callable[[], None]] = [scene.host.kill, partial(crash, scene.redis)]
    first, second = scene.chance.sample(harms, 2)
    first()
    second()
    start_durable(scene.redis)


def freeze_host(scene: Scene) -> None:
    """Let every lock run out while those that hold them stand still."""
    os.killpg(scene.host.process.pid, signal.SIGSTOP)
    time.sleep(TURN_TIMEOUT_S + 0.2)
    os.killpg(scene.host.process.pid, signal.SIGCONT)


def freeze_redis(scene: Scene) -> None:
    """Let turns be stored after their locks have run out, behind others that wait to begin."""
    assert scene.redis.process is not None
    scene.model.may_answer.clear()
    time.sleep(TURN_TIMEOUT_S * 0.3)
    os.kill(scene.redis.process.pid, signal.SIGSTOP)
    time.sleep(TURN_TIMEOUT_S * 0.3)
    scene.model.may_answer.set()
    time.sleep(TURN_TIMEOUT_S * 0.5)
    os.kill(scene.redis.process.pid, signal.SIGCONT)


HARMS = [
    kill_host, kill_redis, kill_redis, kill_both, freeze_redis, freeze_redis, freeze_host,
]  # fmt: skip
MET = {"200", "cut off", "409 conversation_busy", "503 store_unavailable"}


def crash(redis: RunningRedis) -> None:
    """Kill Redis while it answers nobody, and so writes nothing.

    If it is killed in the middle of writing a transaction to its file, Redis 6.2 cuts the file
    behind a `MULTI`, goes on behind that, and takes parts of transactions from the file when it is
    killed once more: `MULTI calls can not be nested`. No client can mend that.
    """
    with contextlib.suppress(OSError):
        call(redis, "CLIENT", "PAUSE", "5000")
    redis.kill()


def start_durable(redis: RunningRedis) -> None:
    """Start Redis so that what it answered is on disk; by itself it syncs once a second.

    While it loads what it has, it takes no settings.
    """
    redis.start()
    deadline = time.monotonic() + MAX_S
    while isinstance(call(redis, "CONFIG", "SET", "appendfsync", "always"), ServerError):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def call(redis: RunningRedis, *arguments: str) -> object:
    connection = look(redis)
    reply = connection.call([argument.encode() for argument in arguments])
    connection.close()
    return reply


# the test


@dataclass(frozen=True)
class Chat:
    """Starts the host again and again, over one Redis."""

    redis: RunningRedis
    folder: pathlib.Path
    arguments: Sequence[str]

    @contextlib.contextmanager
    def run(self) -> Iterator[RunningHost]:
        with run_host(self.folder, *self.arguments) as host:
            yield host


@pytest.fixture
def model() -> Iterator[tuple[SlowModel, FaultyModel]]:
    seed = int(os.environ.get("CHAOS_SEED", secrets.randbelow(10**6)))
    print(f"CHAOS_SEED={seed}")
    faulty, endpoint = FaultyModel(seed), SlowModel()
    endpoint.manner = faulty
    yield endpoint, faulty
    endpoint.close()


@pytest.fixture
def chat(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    model: tuple[SlowModel, FaultyModel],
    tmp_path: pathlib.Path,
) -> Chat:
    assert wasm.exists()
    variables = [
        f"redis_address={own_redis.address}", "model_api=openai", f"model_origin={model[0].url}",
        f"turn_timeout_s={TURN_TIMEOUT_S}", "context_length=600", "max_reply_tokens=60",
    ]  # fmt: skip
    config = ["--runtime-config-file", remote_config(tmp_path, shared_endpoint.url)]
    return Chat(own_redis, tmp_path / "host", [*config, *as_flags(variables)])


def make_homes(world: World, host: RunningHost, count: int = HOMES) -> None:
    """Make homes with owners of their own, but for a few that are anyone's."""
    for number in range(count):
        token = new_token(host) if number >= OPEN_HOMES else None
        name = f"home{number}"
        prompt = f"This is the first prompt in {name}."
        home = Home(name, token, Sent(name, prompt, f"start-{name}", time.monotonic()))
        world.homes.append(home)
        world.sent.append((home, home.start))


def let_write(world: World, count: int = WRITERS) -> list[threading.Thread]:
    """Let so many write into each home."""
    writers = [Writer(world, home, number) for home in world.homes for number in range(count)]
    threads = [threading.Thread(target=writer.write, daemon=True) for writer in writers]
    for thread in threads:
        thread.start()
    return threads


def await_homes(world: World) -> None:
    deadline = time.monotonic() + MAX_S
    while not all(home.id for home in world.homes):
        assert time.monotonic() < deadline, world
        time.sleep(0.05)


def do_harm(chat: Chat, world: World, model: FaultyModel) -> None:
    """Let all write, and do every harm; the last one kills the host while they write."""
    chance = random.Random(world.seed)
    harms = [kill_host, *chance.sample(HARMS, len(HARMS))]
    threads: list[threading.Thread] = []
    try:
        while harms:
            with chat.run() as host:
                world.url = host.url
                if not threads:
                    make_homes(world, host)
                    threads = let_write(world)
                    await_homes(world)
                while harms and host.process.poll() is None:
                    time.sleep(chance.uniform(0.6, 1.7))
                    harms.pop()(Scene(host, chat.redis, model, chance))
    finally:
        world.is_over.set()
        for thread in threads:
            thread.join()


def settle(world: World, host: RunningHost) -> None:
    """Send again what has a key and was not answered, until it is."""
    deadline = time.monotonic() + RUNNING_START_S + MAX_S
    for home, sent in world.sent:
        while sent.key and not sent.answers:
            outcome = send(world, host.client, home, sent)
            may_wait = not home.has_turn(sent)  # a start's key is held for longer than a lock
            assert outcome == "200" or may_wait, f"{outcome} to {sent}"
            assert time.monotonic() < deadline, f"{outcome} to {sent}"


def go_on(world: World, host: RunningHost) -> None:
    """Take a turn in each conversation, and start another one."""
    for home in world.homes:
        last = Sent(home.name, f"This is the last prompt in {home.name}.", None, time.monotonic())
        place = f"side{home.name.removeprefix('home')}w9n0"
        begun = Sent(place, f"This is the only prompt in {place}.", None, time.monotonic())
        for sent in (last, begun):
            world.sent.append((home, sent))
            assert send(world, host.client, home, sent) == "200", sent


def read_all(world: World, host: RunningHost) -> list[Stored]:
    """Read every conversation, each with the credential of its owner."""
    stored = []
    for home in world.homes:
        ids = {taken for owner, sent in world.sent if owner is home for taken, _ in sent.answers}
        if home.token:
            listed = ask(host, "GET", "/conversations?limit=100", home.token).json()
            ids = {conversation["id"] for conversation in listed["conversations"]}
            assert listed["next_cursor"] is None
        for taken in sorted(ids):
            stored += read_turns(host, home.token, taken)
    return stored


def read_turns(host: RunningHost, token: str | None, taken: int) -> list[Stored]:
    """Read a conversation, page by page."""
    messages: list[dict[str, str]] = []
    path = page_path = f"/conversations/{taken}/messages?last=100"
    while page_path:
        page = ask(host, "GET", page_path, token).json()
        messages = page["messages"] + messages
        page_path = f"{path}&before={page['before']}" if page["before"] else ""
    turns = []
    for prompt, reply in zip(messages[::2], messages[1::2], strict=True):
        number, _, _ = prompt["id"].partition(".")
        assert (prompt["role"], prompt["id"]) == ("user", f"{number}.0")
        assert (reply["role"], reply["id"]) == ("assistant", f"{number}.1")
        turns.append(Stored(taken, int(number), prompt["content"], reply["content"]))
    head = ask(host, "GET", f"/conversations/{taken}", token).json()
    assert head["turns"] == len(turns), head
    return turns


@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_what_was_answered_is_there_once_and_in_order_whatever_was_killed(
    chat: Chat, model: tuple[SlowModel, FaultyModel], own_redis: RunningRedis
) -> None:
    _, faulty = model
    call(own_redis, "CONFIG", "SET", "appendfsync", "always")
    world = World(faulty.seed)

    do_harm(chat, world, faulty)
    assert world.surprises == []

    time.sleep(TURN_TIMEOUT_S)
    assert call(own_redis, "KEYS", "*:lock") == []
    faulty.is_well = True
    with chat.run() as host:
        world.url = host.url
        settle(world, host)
        go_on(world, host)
        stored = read_all(world, host)
    print(len(stored), "turns of", len(world.sent), dict(world.outcomes))
    assert wrongs([sent for _, sent in world.sent], stored, faulty.said) == []
    assert faulty.mixed == []
    assert world.surprises == []
    assert set(world.outcomes) >= MET, "there was harm, and turns beside it"
