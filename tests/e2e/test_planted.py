"""What comes back through the whole component, whatever the state of the conversation."""

import asyncio
import pathlib

from bench.planted import SMALL, share_of_best, shown_in
from bench.planted.component import ComponentTalker
from bench.planted.dialogues import make_dialogue
from bench.planted.states import STATES
from tests.running import ModelEndpoint, RunningRedis, as_flags, remote_config, run_host

STATES_OF_ALL = ("just full", "added, alternating", "added, all as user")


def test_the_component_shows_nine_tenths_of_what_its_best_state_shows(
    wasm: pathlib.Path, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    config = remote_config(tmp_path, endpoint.url)
    variables = {**SMALL, "redis_address": shared_redis.address}
    flags = as_flags([f"{name}={value}" for name, value in variables.items()])
    dialogue = make_dialogue(0).with_names()
    with run_host(tmp_path, "--runtime-config-file", config, *flags) as host:
        talker = ComponentTalker(host, endpoint)

        by_state = {
            name: asyncio.run(shown_in(talker, STATES[name], [dialogue])) for name in STATES_OF_ALL
        }

    assert min(share_of_best(shown, by_state) for shown in by_state.values()) >= 0.9
    assert min(sum(shown.values()) / len(shown) for shown in by_state.values()) > 0.6
