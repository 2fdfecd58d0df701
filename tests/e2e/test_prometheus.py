"""A real Prometheus scrapes two replicas of the chat, and tells an outage."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest

from tests.e2e.test_admin import ADMIN, admin
from tests.e2e.test_owners import ask, new_token, start
from tests.prometheus import NEEDS_PROMETHEUS, Prometheus, run_prometheus, write_config
from tests.running import (
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)
from tests.test_monitoring import expressions

pytestmark = NEEDS_PROMETHEUS
OF_TURNS = '{method="POST",route="/",status="200"}'


@contextlib.contextmanager
def scraped(
    folder: pathlib.Path, redis: RunningRedis, endpoint: ModelEndpoint
) -> Iterator[tuple[RunningHost, RunningHost, Prometheus]]:
    """Run two replicas on one Redis, and a Prometheus that scrapes both."""
    config = remote_config(folder, endpoint.url)
    variables = as_flags([f"redis_address={redis.address}", f"admin_token={ADMIN}"])
    told = ("--runtime-config-file", config, *variables)
    with (
        run_host(folder / "a", *told) as first,
        run_host(folder / "b", *told) as second,
        run_prometheus(folder, write_config(folder, [first, second], ADMIN)) as prometheus,
    ):
        yield first, second, prometheus


@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_two_replicas_are_counted_once_and_an_outage_is_told(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    with scraped(tmp_path, own_redis, endpoint) as (first, second, prometheus):
        mine = start(first, token := new_token(first))
        ask(second, "POST", "/", token, id=mine, prompt="How are you?")
        turns = f"max(chat_requests_total{OF_TURNS})"
        prometheus.await_value(turns, lambda value: value == 2)
        prometheus.await_value("sum(chat_turns_total)", lambda value: value == 4)
        assert prometheus.value("sum(up)") == 2
        assert prometheus.value('min(chat_up{part="model"})') == 1
        look_at_rates(first, token, mine, prometheus)

        own_redis.kill()
        prometheus.await_value('max(chat_up{part="redis"})', lambda value: value == 0)
        away = 'count(ALERTS{alertname="ChatPartDown",part="redis"})'
        prometheus.await_value(away, lambda value: value == 1)
        assert prometheus.value("sum(up)") == 2, "the chat answers, and says what is away"
        second.stop()
        gone = 'count(ALERTS{alertname="ChatReplicaDown"})'
        prometheus.await_value(gone, lambda value: value == 1)
        assert prometheus.value("sum(up)") == 1


def look_at_rates(host: RunningHost, token: str, mine: int, prometheus: Prometheus) -> None:
    """Look at what the rules record, and at what the dashboard asks for."""
    for _ in range(5):
        ask(host, "POST", "/", token, id=mine, prompt="And now?")
        ask(host, "POST", "/", token, id=10**9, prompt="And there?")
    prometheus.await_value(f"chat:requests:rate5m{OF_TURNS}", lambda value: value > 0)
    prometheus.await_value("chat:error_ratio:rate5m", lambda value: value == 0)
    assert len(prometheus.query("chat:turn_seconds:p95_5m > 0")) == 1
    for expression in expressions():
        prometheus.query(expression)
    assert admin(host, "POST", "/admin/cleanup").json()["is_complete"]
    cleaned = "time() - max(chat_cleaned_timestamp_seconds)"
    prometheus.await_value(cleaned, lambda value: value < 30)
