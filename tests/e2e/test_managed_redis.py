"""A Redis as one rents it: behind TLS, with passwords; a server, a cluster, or a master."""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping

import pytest
import trustme

from host.interfaces.resp import Connection, parse_address
from tests.clusters import HOST, Guard, await_true, run_cluster, run_sentinels
from tests.e2e.test_owners import new_token
from tests.running import RunningHost, RunningRedis, as_flags, run_host
from tests.tls import fronts

PASSWORD, SENTINEL_PASSWORD = "p@ss/w:rd", "s:nt@nel"
CERTIFICATE = "has a certificate that this host does not trust"


def trusting(authority: trustme.CA, folder: pathlib.Path) -> dict[str, str]:
    """Return the environment of a host that trusts an authority."""
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return {**os.environ, "SSL_CERT_FILE": str(folder / "ca.pem")}


@contextlib.contextmanager
def guarded(authority: trustme.CA) -> Iterator[Guard]:
    """Yield what guards the servers of a cluster, whose certificates name their address."""
    with fronts(authority, HOST) as front:
        yield Guard(front, PASSWORD, SENTINEL_PASSWORD)


@pytest.fixture
def rented(own_redis: RunningRedis) -> RunningRedis:
    connection = Connection(parse_address(own_redis.address))
    connection.call([b"CONFIG", b"SET", b"requirepass", PASSWORD.encode()])
    connection.close()
    return own_redis


@pytest.mark.one_server("has a server of its own")
def test_a_conversation_is_kept_behind_tls_and_a_password(
    wasm: pathlib.Path, rented: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    authority = trustme.CA()
    environ = trusting(authority, tmp_path)
    (tmp_path / "password.txt").write_text(PASSWORD)
    with fronts(authority, "localhost") as front:
        variables = [
            f"redis_address=rediss://localhost:{front(rented.port)}",
            f"redis_password=@{tmp_path / 'password.txt'}",
        ]
        flags = as_flags(variables)
        with run_host(tmp_path / "host", *flags, environ=environ) as host:
            begun = host.post(context="You are a helpful chef.", prompt="My name is Ada.").json()
            again = host.post(id=begun["id"], prompt="What is my name?").json()
            printed = host.output()
        stranger = {**os.environ, "SSL_CERT_FILE": os.devnull}
        with run_host(tmp_path / "stranger", *flags, environ=stranger) as host:
            refused = host.post(id=begun["id"], prompt="What is my name?")

    assert CERTIFICATE in refused.json()["error"]["message"]
    assert again["reply"] == "Your name is Ada."
    assert PASSWORD not in printed
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")


@pytest.mark.parametrize("password", ["not-this-one", ""])
@pytest.mark.one_server("has a server of its own")
def test_a_login_that_redis_refuses_is_told_from_a_redis_that_is_away(
    wasm: pathlib.Path, rented: RunningRedis, tmp_path: pathlib.Path, password: str
) -> None:
    assert wasm.exists()
    variables = [f"redis_address={rented.address}", f"redis_password={password}"]
    flags = as_flags(variables)
    with run_host(tmp_path, *flags) as host:
        refused = host.post(context="c", prompt="p")

        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
        assert "refuses the login" in refused.json()["error"]["message"]
        assert "not-this-one" not in refused.text + host.output()


Talks = Mapping[str, int]
"""Conversations, by the credentials of their owners."""


def begin(host: RunningHost, count: int) -> Talks:
    """Let so many owners begin a conversation: their keys are on all primaries."""
    talks = {}
    for token in (new_token(host) for _ in range(count)):
        talks[token] = take_turn(host, token, context="You are a helpful chef.", prompt="I am Ada.")
    return talks


def go_on(host: RunningHost, talks: Talks) -> None:
    for token, conversation in talks.items():
        take_turn(host, token, id=conversation, prompt="What is my name?")


def take_turn(host: RunningHost, token: str, **fields: object) -> int:
    answer = host.client.post("/", json=fields, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def test_a_cluster_is_followed_behind_tls_and_passwords(
    wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    authority = trustme.CA()
    environ = trusting(authority, tmp_path)
    with guarded(authority) as guard, run_cluster(tmp_path / "cluster", guard) as cluster:
        named = [one for one in cluster.variables() if not one.startswith("redis_other")]
        flags = as_flags([*named, "redis_wait_replicas=1", "redis_timeout_s=5"])
        with run_host(tmp_path / "host", *flags, environ=environ) as host:
            talks = begin(host, 6)
            filled = [node.call("DBSIZE")[0] for node in cluster.running_primaries()]
            killed = cluster.nodes[1]
            killed.kill()
            await_true(lambda: cluster.has_new(killed), "no replica took over")
            killed.start()  # as a replica of the node that took over
            await_true(cluster.is_whole, "the cluster is not whole again")
            go_on(host, talks)
            printed = host.output()
        stranger = {**os.environ, "SSL_CERT_FILE": os.devnull}
        with run_host(tmp_path / "stranger", *flags, environ=stranger) as host:
            refused = host.post(context="c", prompt="p")

    assert all(filled), filled
    assert PASSWORD not in printed
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
    assert CERTIFICATE in refused.json()["error"]["message"]


def test_sentinels_and_their_master_are_followed_behind_tls_and_passwords(
    wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    authority = trustme.CA()
    environ = trusting(authority, tmp_path)
    with guarded(authority) as guard, run_sentinels(tmp_path / "sentinels", guard) as sentinels:
        flags = as_flags([*sentinels.variables(), "redis_wait_replicas=1", "redis_timeout_s=5"])
        with run_host(tmp_path / "host", *flags, environ=environ) as host:
            talks = begin(host, 2)
            master, replica = sentinels.servers
            master.kill()
            await_true(lambda: "role:master" in replica.info("replication"), "no fail-over")
            sentinels.follow(master, replica)
            go_on(host, talks)
            printed = host.output()

    assert PASSWORD not in printed
    assert SENTINEL_PASSWORD not in printed
