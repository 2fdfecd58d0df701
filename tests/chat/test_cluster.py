"""A real cluster: every script has its keys in one slot, and turns find them wherever they are."""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from chat.core.addresses import Origin, RedisAddress
from chat.core.errors import StoreUnavailable
from chat.http.call import Request
from chat.http.response import Response
from chat.redis.cluster import ClusterConnection
from chat.redis.connection import Redis, Way
from chat.redis.memory_scripts import MANY
from chat.redis.scripts import NEXT_ID
from chat.redis.slots import SlotMap, slot_of
from chat.spin.answers import Limit
from chat.spin.engine import Engine
from chat.spin.host import Host
from chat.usecases.export import FORMAT_VERSION
from chat.wiring.service import Service, begin_request
from tests.chat.native_cluster import NativeNodes
from tests.chat.native_host import NoModule, ToldModel, ask, embed_at_once
from tests.chat.test_scripts import SCRIPTS
from tests.chat.test_settings import DEFAULTS
from tests.clusters import RunningCluster, as_bytes

TOKENS = (f"{number:043d}" for number in itertools.count())
ADMIN = "an-operators-token"
Ask = Callable[..., Awaitable[tuple[Response, Any]]]
BY_CHANCE = {"stage", "hold", "lock", "read_mark", "check_mark"}
"""Scripts that only a long part, or Chroma, needs; they have keys of one owner only."""


async def reply_fine(_: str) -> str:
    return "Fine."


def make_service(nodes: NativeNodes, slots: SlotMap, **changed: str) -> Service:
    """Make the service over a cluster."""
    variables = {
        **DEFAULTS, "model_api": "openai", "key_prefix": "t", "redis_mode": "cluster",
        "rate_credentials_per_minute": "0", "admin_token": ADMIN, **changed,
    }  # fmt: skip

    @asynccontextmanager
    async def open_redis(_: RedisAddress) -> AsyncIterator[Way]:
        yield ClusterConnection(nodes, slots, learns=True)

    def make_http(_: Origin, __: Mapping[str, str], ___: Limit) -> ToldModel:
        return ToldModel(reply_fine, embed_at_once)

    engine = Engine(NoModule(), ArithmeticError)
    return Service(Host(variables.__getitem__, open_redis, make_http, engine, int))


@pytest.fixture
def cluster(shared_cluster: RunningCluster) -> RunningCluster:
    shared_cluster.flush()
    return shared_cluster


@pytest.fixture
def nodes() -> Iterator[NativeNodes]:
    made = NativeNodes()
    yield made
    made.close()


def slots_of(cluster: RunningCluster) -> SlotMap:
    return SlotMap(cluster.primaries)


async def send(service: Service, method: str, uri: str, token: str = "", **fields: Any) -> Any:
    """Send a request that has to be taken; return the JSON of its answer."""
    body = json.dumps(fields).encode() if fields else b""
    response, answer = await ask(service, method, uri, body, token)
    assert response.status in {200, 201}, (method, uri, answer)
    return answer


async def export(service: Service, token: str) -> bytes:
    """Return the lines of an export."""

    async def read_body(_: int) -> bytes:
        return b""

    asked = Request("GET", "/export", {"authorization": f"Bearer {token}"}, read_body)
    async with AsyncExitStack() as closing:
        begin_request(asked)
        response = await service.answer(asked, closing)
        assert response.chunks is not None
        return b"".join([chunk async for chunk in response.chunks])


async def use_all(service: Service, token: str) -> None:
    """Use what the API has for an owner, once or more."""
    await send(service, "POST", "/session")
    begun = await send(service, "POST", "/", token, context="c" * 40, prompt="I like tea.")
    where = f"/conversations/{begun['id']}"
    for number in range(12):
        await send(service, "POST", "/", token, id=begun["id"], prompt=f"{number} tea " * 30)
    await send(service, "GET", "/conversations", token)
    await send(service, "GET", where, token)
    await send(service, "GET", f"{where}/relevant?prompt=tea", token)
    await send(service, "GET", "/search?prompt=tea", token)
    await send(service, "PATCH", where, token, title="Tea", pinned=True)
    page = await send(service, "GET", f"{where}/messages", token)
    added = [{"role": "user", "content": "I have a cat."}]
    await send(service, "POST", f"{where}/messages", token, messages=added)
    await send(service, "DELETE", f"{where}/messages/{page['messages'][0]['id']}", token)
    await send(service, "POST", f"{where}/branch", token)
    await send(service, "DELETE", f"{where}/messages?last=1", token)
    await send(service, "POST", "/memories", token, content="I have a dog.")
    memories = (await send(service, "GET", "/memories", token))["memories"]
    await send(service, "PATCH", f"/memories/{memories[0]['id']}", token, content="Two dogs.")
    await send(service, "GET", "/memories/relevant?prompt=dog", token)
    await send(service, "DELETE", f"/memories/{memories[0]['id']}", token)


async def start_again(service: Service, token: str = "") -> None:
    """Start twice with one Idempotency-Key, which leads to one conversation."""
    keyed = {"idempotency-key": "k1", **({"authorization": f"Bearer {token}"} if token else {})}
    first, second = [
        json.loads((await request(service, keyed, context="c", prompt="Hello.")).body)
        for _ in range(2)
    ]
    assert first["id"] == second["id"]
    other = await request(service, keyed, context="c", prompt="Another one.")
    assert other.status == 422
    again = [(await request(service, keyed, id=first["id"], prompt="And?")).body for _ in range(2)]
    assert again[0] == again[1]
    plain = {name: value for name, value in keyed.items() if name != "idempotency-key"}
    long = await request(service, plain, id=first["id"], prompt="Too long. " * 1000)
    assert long.status == 413


async def request(service: Service, headers: Mapping[str, str], **fields: Any) -> Response:
    """Take a turn."""

    async def read_body(_: int) -> bytes:
        return json.dumps(fields).encode()

    asked = Request("POST", "/", headers, read_body)
    async with AsyncExitStack() as closing:
        begin_request(asked)
        response = await service.answer(asked, closing)
        await service.note(asked, response, 0.0, is_whole=True)
        return response


def many_memories() -> bytes:
    """Return an export with more memories than a search reads whole."""
    made = [
        {
            "type": "memory", "id": f"note-{n:016x}", "conversation_id": None, "role": "user",
            "content": f"Dog {n}.", "created_at": 1.0, "pinned": False,
        }
        for n in range(MANY + 1)
    ]  # fmt: skip
    end = {"type": "end", "conversations": 0, "turns": 0, "memories": len(made)}
    lines = [{"type": "export", "version": FORMAT_VERSION}, *made, end]
    return "\n".join(map(json.dumps, lines)).encode()


async def use_whole(service: Service, token: str) -> None:
    """Use what the API has for all of an owner, and for operators."""
    exported = await export(service, token)
    for file, taker in ((exported, next(TOKENS)), (many_memories(), next(TOKENS))):
        response, receipt = await ask(service, "POST", "/import", file, taker)
        assert response.status == 200, receipt
        await send(service, "GET", "/memories/relevant?prompt=dog", taker)
    await send(service, "GET", "/admin/stats", ADMIN)
    await send(service, "POST", "/admin/cleanup", ADMIN)
    await send(service, "DELETE", "/conversations?namespace=none", token)
    listed = (await send(service, "GET", "/conversations", token))["conversations"]
    await send(service, "DELETE", f"/conversations/{listed[0]['id']}", token)
    await send(service, "DELETE", "/me", token)


async def test_every_script_finds_its_keys_in_one_slot(
    cluster: RunningCluster, nodes: NativeNodes
) -> None:
    service = make_service(
        nodes, slots_of(cluster), recall="hybrid", long_term="redis", summary_tokens="50",
        context_length="600", max_reply_tokens="50", retention_s="1000000",
        rate_credentials_per_minute="1000", redis_wait_replicas="1", redis_wait_ms="5000",
    )  # fmt: skip
    token = next(TOKENS)

    await start_again(service)
    await start_again(service, token)
    assert (await request(service, {}, id=10**9, prompt="Nothing.")).status == 404
    await use_all(service, token)
    await use_whole(service, token)

    run = {first for command, first in nodes.asked if command == "EVALSHA"}
    left = {script.name for script in SCRIPTS if script.sha1 not in run}
    assert left <= BY_CHANCE, left


@pytest.fixture(params=[True, False], ids=["at once", "one after the other"])
def either(request: pytest.FixtureRequest) -> Iterator[NativeNodes]:
    """Nodes of a host that asks two of them at once, or one after the other."""
    made = NativeNodes(begins=request.param)
    yield made
    made.close()


async def test_a_turn_takes_two_steps_at_two_nodes(
    cluster: RunningCluster, nodes: NativeNodes
) -> None:
    service, token = make_service(nodes, slots_of(cluster)), next(TOKENS)
    begun = (await send(service, "POST", "/", token, context="c", prompt="p"))["id"]
    await send(service, "POST", "/", token, id=begun, prompt="p")
    nodes.asked.clear()

    await send(service, "POST", "/", token, id=begun, prompt="p")

    names = {script.sha1: script.name for script in SCRIPTS}
    asked = [names[first] for command, first in nodes.asked if command == "EVALSHA"]
    assert len(asked) == len(nodes.asked)
    assert (set(asked[:2]), set(asked[2:])) == ({"load", "join"}, {"commit", "tell"})


async def test_what_one_place_refuses_does_not_count_at_the_other(
    cluster: RunningCluster, either: NativeNodes
) -> None:
    service = make_service(
        either, slots_of(cluster), rate_per_owner_per_minute="2", rate_global_per_minute="4"
    )
    first, second, third = (next(TOKENS) for _ in range(3))

    async def turn(token: str) -> tuple[int, str]:
        body = json.dumps({"context": "c", "prompt": "p"}).encode()
        response, answer = await ask(service, "POST", "/", body, token)
        return response.status, answer.get("error", {}).get("message", "")[:3]

    taken = [await turn(token) for token in (first, first, first, first, second, third, second)]

    assert taken == [
        (200, ""), (200, ""), (429, "you"), (429, "you"), (200, ""), (200, ""), (429, "thi"),
    ]  # fmt: skip
    stats = await send(service, "GET", "/admin/stats", ADMIN)
    assert stats["total"]["turns"] == 4


async def test_an_unknown_conversation_counts_for_its_caller_only(
    cluster: RunningCluster, either: NativeNodes
) -> None:
    service = make_service(
        either, slots_of(cluster), rate_per_owner_per_minute="2", rate_global_per_minute="3"
    )

    guessed = [await request(service, {}, id=10**9, prompt="p") for _ in range(3)]

    assert [response.status for response in guessed] == [404, 404, 429]
    for _ in range(3):
        await send(service, "POST", "/", next(TOKENS), context="c", prompt="p")


async def test_new_credentials_are_counted_by_address(
    cluster: RunningCluster, either: NativeNodes
) -> None:
    service = make_service(either, slots_of(cluster), rate_credentials_per_minute="2")
    statuses = []
    for _ in range(3):
        headers = {"authorization": f"Bearer {next(TOKENS)}"}
        statuses.append((await request(service, headers, context="c", prompt="p")).status)

    assert statuses == [200, 200, 429]


async def test_a_branch_of_an_open_conversation_has_its_evicted_turns(
    cluster: RunningCluster, nodes: NativeNodes
) -> None:
    service = make_service(
        nodes, slots_of(cluster), context_length="300", max_reply_tokens="50",
        rate_per_owner_per_minute="0",
    )  # fmt: skip
    begun = (await send(service, "POST", "/", context="c", prompt="I like tea."))["id"]
    for number in range(6):
        await send(service, "POST", "/", id=begun, prompt=f"{number} words " * 20)
    token = next(TOKENS)

    branch = await send(service, "POST", f"/conversations/{begun}/branch", token)

    assert branch["evicted_turns"] > 0
    read = [
        await send(service, "GET", f"/conversations/{taken}/messages?last=100", token)
        for taken in (begun, branch["id"])
    ]
    said = [[message["content"] for message in page["messages"]] for page in read]
    assert said[0] == said[1]
    assert said[0][0] == "I like tea."


async def test_a_key_is_asked_for_at_the_node_that_it_is_being_moved_to(
    cluster: RunningCluster, nodes: NativeNodes
) -> None:
    redis = Redis(ClusterConnection(nodes, slots_of(cluster), learns=True))
    slot = slot_of(b"{moving}")
    source = cluster.primary_of(slot)
    target = next(node for node in cluster.nodes[:3] if node is not source)
    source_id, target_id = (as_bytes(n.call("CLUSTER", "MYID")[0]) for n in (source, target))
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    try:
        assert await redis.run(NEXT_ID, {"next_id": "{moving}"}) == [0]
        await redis.execute("SET", ["{moving}", "7"])
        assert await redis.run(NEXT_ID, {"next_id": "{moving}"}) == [8]
        assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot) == [1]
        assert ("ASKING", "") in nodes.asked
    finally:
        cluster.move(slot, target)
    assert await redis.get("GET", ["{moving}"]) == b"8"
    cluster.move(slot, source)


async def test_keys_that_are_at_two_nodes_are_waited_for_and_then_refused(
    cluster: RunningCluster,
) -> None:
    nodes = NativeNodes(patience_s=0.3)
    redis = Redis(ClusterConnection(nodes, slots_of(cluster), learns=True))
    slot = slot_of(b"{torn}")
    source = cluster.primary_of(slot)
    target = next(node for node in cluster.nodes[:3] if node is not source)
    await redis.execute("SET", ["{torn}:1", "x"])
    source_id, target_id = (as_bytes(n.call("CLUSTER", "MYID")[0]) for n in (source, target))
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    try:
        with pytest.raises(StoreUnavailable, match="moving these keys") as refused:
            await redis.execute("EXISTS", ["{torn}:1", "{torn}:2"])
        assert refused.value.headers == {"retry-after": "5"}
        assert len(nodes.asked) > 3
    finally:
        source.call("CLUSTER", "SETSLOT", slot, "STABLE")
        target.call("CLUSTER", "SETSLOT", slot, "STABLE")
        nodes.close()


async def test_any_node_knows_the_others(cluster: RunningCluster, nodes: NativeNodes) -> None:
    redis = Redis(ClusterConnection(nodes, SlotMap(cluster.primaries[2:]), learns=True))
    await redis.execute("SET", ["{a}", "1"])
    await redis.execute("SET", ["{b}", "1"])
    await redis.execute("SET", ["{c}", "1"])

    assert sorted(await redis.nodes()) == sorted(cluster.primaries)
    assert [command for command, _ in nodes.asked].count("CLUSTER") == 2


async def test_a_node_that_is_away_is_waited_for_and_then_refused() -> None:
    nodes = NativeNodes(patience_s=0.2)
    redis = Redis(ClusterConnection(nodes, SlotMap(["127.0.0.1:1", "127.0.0.1:2"]), learns=True))

    with pytest.raises(StoreUnavailable):
        await redis.execute("GET", ["a"])
    with pytest.raises(StoreUnavailable):
        await redis.nodes()
