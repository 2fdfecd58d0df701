"""A test looks into a cluster as if it were one server."""

import contextlib

from host.interfaces.resp import Status
from tests.clusters import RunningCluster
from tests.looking import ClusterView


def test_a_cluster_is_shown_as_one_server_with_the_keys_of_one_chat(
    shared_cluster: RunningCluster,
) -> None:
    shared_cluster.flush()
    owned = [b"chat:{owner%d}:1" % number for number in range(9)]
    with (
        contextlib.closing(ClusterView(shared_cluster, b"p1")) as one,
        contextlib.closing(ClusterView(shared_cluster, b"p2")) as other,
    ):
        for key in (*owned, b"chat:next_id"):
            assert one.call([b"SET", key, b"mine"]) == Status("OK")
        other.call([b"SET", b"chat:next_id", b"theirs"])
        other.call([b"SET", b"own:next_id", b"of all"])

        assert all(node.call("DBSIZE") != [0] for node in shared_cluster.running_primaries())
        assert one.call([b"GET", b"chat:next_id"]) == b"mine"
        keys = one.call([b"KEYS", b"chat:*"])
        assert isinstance(keys, list)
        assert set(keys) == {*owned, b"chat:next_id"}
        assert one.call([b"KEYS", b"own:*"]) == other.call([b"KEYS", b"own:*"]) == [b"own:next_id"]
        assert one.call([b"EXISTS", *owned]) == len(owned)
        assert one.call([b"DEL", *owned[:4]]) == 4
        assert one.call([b"FLUSHALL"]) == 7
        assert other.call([b"GET", b"chat:next_id"]) == b"theirs"
