"""A hostile text takes no longer than another one, and keeps nobody else waiting."""

import json
import pathlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.running import (
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)

MAX_S = 10.0
"""A turn takes a hundredth of it; the machine may be busy."""
NEWLINES = "\n" * 65_000


@pytest.fixture(scope="module", params=["plain", "llama2"])
def formatted_chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[RunningHost]:
    """Run the chat with one of the prompt formats."""
    assert wasm.exists()
    folder = tmp_path_factory.mktemp(f"chat-{request.param}")
    config = remote_config(folder, shared_endpoint.url)
    variables = [f"redis_address={shared_redis.address}", f"prompt_format={request.param}"]
    with run_host(folder, "--runtime-config-file", config, *as_flags(variables)) as host:
        yield host


@pytest.mark.parametrize(
    ("context", "prompt"),
    [
        pytest.param("A chef.", f"{NEWLINES}x", id="prompt"),
        pytest.param(NEWLINES, "Hello!", id="context"),
    ],
)
def test_65_000_newlines_are_answered_within_seconds_and_so_are_others_meanwhile(
    formatted_chat: RunningHost, endpoint: ModelEndpoint, context: str, prompt: str
) -> None:
    def post(fields: dict[str, str]) -> int:
        """Take a turn on a connection of its own; raises where it takes too long."""
        body = json.dumps(fields)
        with httpx.Client(timeout=MAX_S, trust_env=False) as client:
            return client.post(formatted_chat.url, content=body).status_code

    hostile = {"context": context, "prompt": prompt}
    harmless = {"context": "A chef.", "prompt": "Hello!"}
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(post, [hostile, harmless] * 3))

    assert statuses == [413, 200] * 3
    assert len(endpoint.asked) == 3
