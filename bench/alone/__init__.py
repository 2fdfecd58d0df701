"""Measures the parts of a turn of this chat, and what its memories cost."""

import pathlib

from bench.alone.history import bench_history
from bench.alone.memories import bench_memories, embeds
from bench.alone.page import bench_page
from bench.alone.recall import bench_recall
from bench.alone.servers import bench_servers
from bench.alone.surface import bench_surface
from bench.alone.turns import CONTEXT, PROMPT, REPLY, answer, bench_turns
from bench.alone.waiting import bench_waiting
from bench.planted import bench_planted
from tests.running import RunningRedis, free_port, remote_config, run_host, run_model_endpoint


def bench_alone(folder: pathlib.Path) -> None:
    """Print all tables."""
    with run_model_endpoint() as endpoint:
        endpoint.answer = answer
        redis = RunningRedis(free_port(), folder / "redis")
        redis.start()
        config = remote_config(folder, endpoint.url)
        address = f"redis_address={redis.address}"
        with run_host(folder, "--runtime-config-file", config, "--variable", address) as host:
            bench_turns(host, redis, endpoint.url)
            bench_page(host)
            bench_surface(host)
            off = ["--variable", address, "--variable", "recall=off"]
            with run_host(folder / "off", "--runtime-config-file", config, *off) as without:
                bench_history(without, redis, CONTEXT, PROMPT, REPLY)
                bench_recall(host, without, redis)
        bench_planted(redis)
        endpoint.answer = embeds(answer)
        bench_memories(folder, config, redis)
        bench_waiting(folder, redis, endpoint)
        redis.stop()
    bench_servers(folder / "servers")
