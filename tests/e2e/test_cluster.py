"""A cluster of three primaries and three replicas: a primary is killed, and slots are moved."""

import contextlib
import itertools
import pathlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import httpx
import pytest

from chat.core.owners import owner_tag
from chat.redis.slots import slot_of
from tests.clusters import RunningCluster, RunningSentinels, await_true, run_sentinels
from tests.e2e.test_owners import new_token
from tests.running import (
    NO_COOKIES,
    NO_TLS,
    ModelEndpoint,
    RunningHost,
    as_flags,
    remote_config,
    run_host,
)

WRITERS = 6
PAGE = 100
MAX_REFUSED_S = 30.0
"""How long turns may be refused while a replica takes over, on a busy machine."""
MAX_MOVED_S = 1.0
"""How long a turn may be refused while its slot is moved."""
SETTLED_S = 60.0


@dataclass
class Writer:
    """Takes turns in a conversation of its own; each is sent again with its key until it is taken.

    `taken` are the moments when turns were taken, `refused` why one was not, and when.
    """

    url: str
    token: str
    is_over: threading.Event
    id: int = 0
    taken: list[float] = field(default_factory=list)
    refused: list[tuple[float, int, str]] = field(default_factory=list)

    def write(self) -> None:
        with httpx.Client(
            base_url=self.url, timeout=60, trust_env=False, cookies=NO_COOKIES, verify=NO_TLS
        ) as client:
            while not self.is_over.is_set():
                self._take(client, len(self.taken))

    def _take(self, client: httpx.Client, number: int) -> None:
        fields = {"id": self.id} if self.id else {"context": "c"}
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": f"turn-{number}"}
        deadline = time.monotonic() + SETTLED_S
        while True:
            body = {**fields, "prompt": f"Prompt {number}."}
            answer = client.post("/", json=body, headers=headers)
            now = time.monotonic()
            if answer.status_code == 200:
                self.id = answer.json()["id"]
                self.taken.append(now)
                return
            self.refused.append((now, answer.status_code, answer.json()["error"]["code"]))
            assert now < deadline, self.refused[-1]
            time.sleep(0.05)

    def longest_refusal_s(self) -> float:
        """Return the longest time between a turn's first refusal and when it was taken."""
        longest = 0.0
        for begun, _, _ in self.refused:
            later = [at for at in self.taken if at > begun]
            longest = max(longest, (later[0] if later else begun) - begun)
        return longest

    @property
    def slot(self) -> int:
        return slot_of(f"chat:{owner_tag(self.token)}:1".encode())


@contextlib.contextmanager
def writing(host: RunningHost, count: int = WRITERS) -> Iterator[Sequence[Writer]]:
    """Let writers write while the block runs, and take a turn each behind it."""
    is_over = threading.Event()
    writers = [Writer(host.url, new_token(host), is_over) for _ in range(count)]
    threads = [threading.Thread(target=writer.write, daemon=True) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        await_true(lambda: all(writer.id for writer in writers), "not every writer has begun")
        yield writers
    finally:
        is_over.set()
        for thread in threads:
            thread.join(SETTLED_S)


def await_more(writers: Sequence[Writer], count: int) -> None:
    """Wait until each has taken so many more turns."""
    begun = [len(writer.taken) for writer in writers]
    await_true(
        lambda: all(len(w.taken) >= n + count for w, n in zip(writers, begun, strict=True)),
        "turns are not taken any more",
    )


def describe(writers: Sequence[Writer]) -> float:
    """Print how long turns took; return how long one was refused at most, in seconds."""
    spans = [b - a for w in writers for a, b in itertools.pairwise(w.taken)]
    refused_s = max(writer.longest_refusal_s() for writer in writers)
    print(
        f"{len(spans)} turns, {sum(len(w.refused) for w in writers)} refusals, for {refused_s:.1f}"
        f" s at most; a turn took {statistics.median(spans):.2f} s, {max(spans):.2f} s at most"
    )
    return refused_s


def prompts_of(host: RunningHost, writer: Writer) -> list[str]:
    """Read a whole conversation; return its prompts."""
    headers = {"authorization": f"Bearer {writer.token}"}
    path, before = f"/conversations/{writer.id}/messages?last={PAGE}", ""
    prompts: list[str] = []
    while True:
        messages = host.client.get(path + before, headers=headers).json()["messages"]
        prompts[:0] = [message["content"] for message in messages if message["role"] == "user"]
        if len(messages) < PAGE:
            return prompts
        before = f"&before={messages[0]['id']}"


@pytest.fixture
def run_chat(
    wasm: pathlib.Path, shared_endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> Callable[[Sequence[str]], contextlib.AbstractContextManager[RunningHost]]:
    """Return what runs the chat with these variables."""
    assert wasm.exists()
    config = ["--runtime-config-file", remote_config(tmp_path, shared_endpoint.url)]

    def run(variables: Sequence[str]) -> contextlib.AbstractContextManager[RunningHost]:
        return run_host(tmp_path / "host", *config, *as_flags([*variables, "redis_timeout_s=5"]))

    return run


RunChat = Callable[[Sequence[str]], contextlib.AbstractContextManager[RunningHost]]


def check_all(host: RunningHost, writers: Sequence[Writer]) -> None:
    """Check that every turn that was answered is there, once and in order."""
    for writer in writers:
        assert prompts_of(host, writer) == [f"Prompt {n}." for n in range(len(writer.taken))]


def test_no_turn_is_lost_when_a_primary_is_killed(
    run_chat: RunChat, own_cluster: RunningCluster
) -> None:
    variables = [*own_cluster.variables(), "redis_wait_replicas=1", "redis_wait_ms=2000"]
    with run_chat(variables) as host:
        with writing(host) as writers:
            await_more(writers, 3)
            killed = own_cluster.primary_of(writers[0].slot)
            killed.kill()
            await_true(lambda: own_cluster.has_new(killed), "no replica took over")
            killed.start()  # as a replica of the node that took over
            await_true(own_cluster.is_whole, "the cluster is not whole again")
            await_more(writers, 3)

        check_all(host, writers)
        refused_s = describe(writers)
        assert refused_s < MAX_REFUSED_S
        codes = {(status, code) for writer in writers for _, status, code in writer.refused}
        assert codes <= {
            (503, "store_unavailable"), (503, "not_replicated"), (409, "conversation_busy"),
        }  # fmt: skip


def test_no_turn_is_lost_or_refused_for_long_while_slots_move(
    run_chat: RunChat, own_cluster: RunningCluster
) -> None:
    with run_chat(own_cluster.variables()) as host:
        with writing(host) as writers:
            await_more(writers, 2)
            for number in range(8):
                for writer in writers:
                    target = own_cluster.nodes[number % 3]
                    if own_cluster.primary_of(writer.slot) is not target:
                        own_cluster.move(writer.slot, target)
                own_cluster.move(
                    slot_of(b"{all}"),
                    next(
                        node
                        for node in own_cluster.nodes[:3]
                        if own_cluster.primary_of(slot_of(b"{all}")) is not node
                    ),
                )
            await_more(writers, 2)

        check_all(host, writers)
        assert describe(writers) < MAX_MOVED_S


def readiness(host: RunningHost) -> tuple[int, str]:
    """Return the status of `/readyz`, and what it notes of Redis."""
    answer = host.client.get("/readyz")
    note: str = answer.json().get("notes", {}).get("redis", "")
    return answer.status_code, note


def test_it_is_ready_while_a_primary_takes_writes_and_says_which_do_not(
    run_chat: RunChat, own_cluster: RunningCluster
) -> None:
    for node in own_cluster.nodes:
        node.call("CONFIG", "SET", "cluster-require-full-coverage", "no")
        node.call("CONFIG", "SET", "cluster-replica-no-failover", "yes")
    with run_chat(own_cluster.variables()) as host:
        assert readiness(host) == (200, "")
        second, third = own_cluster.nodes[1:3]
        second.kill()
        status, note = readiness(host)
        health = host.client.get("/healthz")

        assert status == 200
        assert note == (
            "1 of 3 primaries take no writes; that of the slots 5461-10922: it does not answer"
        )
        assert (health.status_code, health.json()["parts"]["redis"]) == (503, "store_unavailable")
        assert health.json()["notes"]["redis"] == note

        third.call("CONFIG", "SET", "maxmemory", "1")
        status, note = readiness(host)
        assert status == 200
        assert note.startswith("2 of 3 primaries take no writes; that of the slots 5461-10922: ")
        assert note.endswith("; that of the slots 10923-16383: the conversation store is full")

        own_cluster.nodes[0].kill()
        status, note = readiness(host)
        assert (status, note[:6]) == (503, "3 of 3")
        assert "127.0.0.1" not in note

        third.call("CONFIG", "SET", "maxmemory", "0")
        for node in (own_cluster.nodes[0], second):
            node.start()
        await_true(own_cluster.is_whole, "the cluster is not whole again")
        assert readiness(host) == (200, "")


def test_it_is_not_ready_while_the_settings_keep_it_from_a_primary(
    run_chat: RunChat, shared_cluster: RunningCluster
) -> None:
    named = [one for one in shared_cluster.variables() if not one.startswith("redis_nodes")]
    with run_chat(named) as host:
        status, note = readiness(host)

    assert status == 503
    assert "that of the slots 5461-10922: the host does not allow the address of a server" in note
    assert "see `redis_nodes`" in note


@pytest.fixture
def sentinels(tmp_path: pathlib.Path) -> Iterator[RunningSentinels]:
    with run_sentinels(tmp_path / "sentinels") as running:
        yield running


def test_a_turn_follows_the_master_that_sentinels_name(
    run_chat: RunChat, sentinels: RunningSentinels
) -> None:
    variables = [*sentinels.variables(), "redis_wait_replicas=1", "redis_wait_ms=2000"]
    with run_chat(variables) as host:
        with writing(host, 2) as writers:
            await_more(writers, 2)
            master, replica = sentinels.servers
            sentinels.sentinels[0].kill()
            await_more(writers, 2)
            master.kill()
            await_true(lambda: "role:master" in replica.info("replication"), "no fail-over")
            sentinels.follow(master, replica)
            await_more(writers, 2)

        check_all(host, writers)
        assert describe(writers) < MAX_REFUSED_S


def test_a_turn_without_replicas_is_stored_and_says_so(
    run_chat: RunChat, sentinels: RunningSentinels
) -> None:
    variables = [*sentinels.variables(), "redis_wait_replicas=1", "redis_wait_ms=300"]
    _, replica = sentinels.servers
    with run_chat(variables) as host:
        begun = host.post(context="c", prompt="p").json()
        replica.kill()
        keyed = {"idempotency-key": "k1"}
        sent = {"id": begun["id"], "prompt": "again"}

        first = host.client.post("/", json=sent, headers=keyed)
        second = host.client.post("/", json=sent, headers=keyed)
        replica.start()
        await_true(lambda: "link_status:up" in replica.info("replication"), "no replica")
        third = host.client.post("/", json=sent, headers=keyed)

        messages = host.client.get(f"/conversations/{begun['id']}/messages").json()["messages"]

    for refused in (first, second):
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_replicated")
        assert "it was stored" in refused.json()["error"]["message"]
        assert refused.headers["retry-after"]
    assert third.status_code == 200
    assert [m["content"] for m in messages if m["role"] == "user"] == ["p", "again"]
