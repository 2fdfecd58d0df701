"""Measures this chat against what people use instead, all of it in one run."""

import contextlib
import pathlib
import random

import httpx

from bench.compare.correctness import compare_correctness
from bench.compare.footprints import compare_footprints, measure_starts
from bench.compare.histories import compare_histories
from bench.compare.streams import compare_streams
from bench.compare.throughput import compare_throughput
from bench.compare.traffic import compare_traffic
from bench.systems import AGENT, STREAMING, SYSTEMS, build_one_value, run_model, run_redis


def compare(folder: pathlib.Path, pictures: pathlib.Path) -> None:
    """Print the tables, and draw the two main ones."""
    build_one_value()
    rng = random.Random(1)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(run_redis(folder / "redis"))
        model_url = stack.enter_context(run_model(folder / "model"))
        starts = measure_starts(folder, redis, model_url)
        model = stack.enter_context(httpx.Client(base_url=model_url, trust_env=False))
        running = [
            stack.enter_context(system.run(folder / str(number), redis, model_url, 1))
            for number, system in enumerate(SYSTEMS)
        ]
        compare_footprints(running, starts, model)
        agent = stack.enter_context(AGENT.run(folder / "agent", redis, model_url, 1))
        compare_histories([*running, agent], model, rng, pictures)
        compare_traffic(running, redis, rng)
        compare_correctness(running, model, rng)
    compare_throughput(folder / "many", rng, pictures)
    compare_streams(folder / "streams", STREAMING)
