"""Measures what OpenAI's API adds to a turn."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.alone.turns import CONTEXT, PROMPT
from bench.tables import SPREAD, describe, header, row
from tests.running import RunningHost

SAMPLES = 100
WARM_UP = 10
HEAD = f"""
### What OpenAI's API adds

The same turn of one owner by three paths, in turn, each in a conversation of its own that grows
alike; with chat completions, which store nothing, the client sends all of it. ms, the model's
included: {SPREAD}.
"""
OWN, RESPONSES, COMPLETIONS = "/", "/v1/responses", "/v1/chat/completions"


def bench_surface(host: RunningHost) -> None:
    """Print the table: turns by `POST /`, by responses, and by chat completions, in turn."""
    print(HEAD, end="")
    header("", "ms", "ratio")
    token = host.client.post("/session").json()["token"]
    bodies = begin(lambda path, body: post(host, token, path, body))
    times: dict[str, list[float]] = {path: [] for path in bodies}
    for _ in range(SAMPLES):
        for path, body in bodies.items():
            started = time.perf_counter()
            answer = post(host, token, path, body)
            times[path].append((time.perf_counter() - started) * 1000)
            if path == COMPLETIONS:
                body["messages"] += [answer["choices"][0]["message"], said("user", PROMPT)]
    base = statistics.median(times[OWN][WARM_UP:])
    for path, taken in times.items():
        median = statistics.median(taken[WARM_UP:])
        row(f"`POST {path}`", describe(taken[WARM_UP:]), f"{median / base:.2f}")


def begin(ask: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Begin a conversation for each path; return the body of its next turn."""
    started = ask(OWN, {"context": CONTEXT, "prompt": PROMPT})["id"]
    system, prompt = said("system", CONTEXT), said("user", PROMPT)
    made = ask(RESPONSES, {"input": [system, prompt]})
    told = ask(COMPLETIONS, {"model": "m", "messages": [system, prompt]})
    messages = [system, prompt, told["choices"][0]["message"], prompt]
    return {
        OWN: {"id": started, "prompt": PROMPT},
        RESPONSES: {"input": PROMPT, "conversation": made["conversation"]["id"]},
        COMPLETIONS: {"model": "m", "messages": messages},
    }


def said(role: str, content: str) -> dict[str, str]:
    """Return a message."""
    return {"role": role, "content": content}


def post(host: RunningHost, token: str, path: str, body: Any) -> Any:
    """Send a request of an owner; return its answer."""
    headers = {"authorization": f"Bearer {token}"}
    return host.client.post(path, headers=headers, json=body).raise_for_status().json()
