"""A real Prometheus scrapes two replicas of the chat, and tells an outage."""

import pathlib

from tests.e2e.test_admin import ADMIN, admin
from tests.e2e.test_owners import ask, new_token, start
from tests.prometheus import NEEDS_PROMETHEUS, run_prometheus, write_config
from tests.running import ModelEndpoint, RunningRedis, as_flags, remote_config, run_host
from tests.test_monitoring import expressions

pytestmark = NEEDS_PROMETHEUS
OF_TURNS = '{method="POST",route="/",status="200"}'


def test_two_replicas_are_counted_once_and_an_outage_is_told(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    config = remote_config(tmp_path, endpoint.url)
    variables = as_flags([f"redis_address={own_redis.address}", f"admin_token={ADMIN}"])
    told = ("--runtime-config-file", config, *variables)
    with run_host(tmp_path / "a", *told) as first, run_host(tmp_path / "b", *told) as second:
        mine = start(first, token := new_token(first))
        ask(second, "POST", "/", token, id=mine, prompt="How are you?")
        with run_prometheus(tmp_path, write_config(tmp_path, [first, second], ADMIN)) as prometheus:
            turns = f"max(chat_requests_total{OF_TURNS})"
            assert prometheus.await_value(turns, lambda value: value == 2) == 2
            assert prometheus.await_value("sum(chat_turns_total)", lambda value: value == 4)
            assert prometheus.value("sum(up)") == 2
            assert prometheus.value('min(chat_up{part="model"})') == 1
            for _ in range(5):
                ask(first, "POST", "/", token, id=mine, prompt="And now?")
                ask(first, "POST", "/", token, id=10**9, prompt="And there?")
            rate = 'chat:requests:rate5m{method="POST",route="/",status="200"}'
            prometheus.await_value(rate, lambda value: value > 0)
            assert len(prometheus.query("chat:turn_seconds:p95_5m > 0")) == 1
            assert prometheus.await_value("chat:error_ratio:rate5m", lambda value: value == 0) == 0
            for expression in expressions():
                prometheus.query(expression)
            assert admin(first, "POST", "/admin/cleanup").json()["is_complete"]
            cleaned = "time() - max(chat_cleaned_timestamp_seconds)"
            assert prometheus.await_value(cleaned, lambda value: value < 30) >= 0

            own_redis.kill()
            prometheus.await_value('max(chat_up{part="redis"})', lambda value: value == 0)
            pending = 'count(ALERTS{alertname="ChatPartDown",part="redis"})'
            assert prometheus.await_value(pending, lambda value: value == 1)
            assert prometheus.value("sum(up)") == 2, "the chat answers, and says what is away"

            second.stop()
            prometheus.await_value("sum(up)", lambda value: value == 1)
            pending = 'count(ALERTS{alertname="ChatReplicaDown"})'
            assert prometheus.await_value(pending, lambda value: value == 1)
