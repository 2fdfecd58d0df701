"""Measures when the first part of a reply comes, and the last, beside the model's own streaming."""

import asyncio
import json
import pathlib
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx

from bench.alone.turns import CONTEXT, PROMPT
from bench.tables import header, row
from tests.running import RunningHost, RunningRedis, as_flags, run_host

PARTS = 40
PAUSE_S = 0.025
THINKS_S = 0.1
AT_ONCE = (1, 8, 64)
ROUNDS = 3
HEAD = f"""
### Streaming

A model that thinks {THINKS_S} s, and then says {PARTS} parts, one each {PAUSE_S * 1000:.0f} ms.
When the first part has come and when the end has, in ms from the request on: the model asked
directly, and the chat. The medians of all streams of {ROUNDS} rounds. Memory is what the host has
resident behind the rounds.
"""
SAID = {"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
LAST: Sequence[Mapping[str, object]] = [
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": PARTS}},
]
PATH = "/v1/chat/completions"
Times = tuple[float, float]
"""When the first part and the end have come, in ms."""


async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request as a model that speaks slowly."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    await asyncio.sleep(THINKS_S)
    for _ in range(PARTS):
        writer.write(render(SAID))
        await writer.drain()
        await asyncio.sleep(PAUSE_S)
    writer.write(b"".join(map(render, LAST)) + b"data: [DONE]\n\n")
    await writer.drain()
    writer.close()


def render(event: Mapping[str, object]) -> bytes:
    """Render an event."""
    return b"data: " + json.dumps(event).encode() + b"\n\n"


@contextmanager
def run_speaking_model() -> Iterator[str]:
    """Serve the model in a thread of its own; yield its URL."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(speak, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


async def listen(client: httpx.AsyncClient, path: str, body: bytes, mark: str) -> Times:
    """Read one stream; return when a line with `mark` came first, and when all had come."""
    begun, first = time.perf_counter(), 0.0
    headers = {"accept": "text/event-stream"}
    async with client.stream("POST", path, content=body, headers=headers) as response:
        async for line in response.aiter_lines():
            if not first and mark in line:
                first = time.perf_counter()
    return (first - begun) * 1000, (time.perf_counter() - begun) * 1000


async def listen_at_once(url: str, path: str, body: bytes, mark: str, count: int) -> list[Times]:
    """Read `count` streams at once."""
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=60, trust_env=False
    ) as client:
        return list(await asyncio.gather(*(listen(client, path, body, mark) for _ in range(count))))


def medians(url: str, path: str, body: bytes, mark: str, count: int) -> Times:
    """Return the median times of some rounds of `count` streams."""
    rounds = [asyncio.run(listen_at_once(url, path, body, mark, count)) for _ in range(ROUNDS)]
    firsts, lasts = zip(*(times for one in rounds for times in one), strict=True)
    return statistics.median(firsts), statistics.median(lasts)


def bench_streams(folder: pathlib.Path, redis: RunningRedis) -> None:
    """Print when parts come, for some and for many at once."""
    with run_speaking_model() as url:
        variables = [
            f"redis_address={redis.address}", "model_api=openai", f"model_origin={url}",
        ]  # fmt: skip
        with run_host(folder / "streams", *as_flags(variables)) as host:
            print_times(url, host)


def print_times(url: str, host: RunningHost) -> None:
    """Print a row for each count of streams."""
    print(HEAD, end="")
    turn = json.dumps({"context": CONTEXT, "prompt": PROMPT}).encode()
    asked = json.dumps({"model": "m", "messages": [], "stream": True}).encode()
    header("at once", "model: first", "chat: first", "model: end", "chat: end", "memory, MB")
    for count in AT_ONCE:
        own_first, own_end = medians(url, PATH, asked, '"word "', count)
        first, end = medians(host.url, "/", turn, "event: delta", count)
        cells = (f"{ms:.0f}" for ms in (own_first, first, own_end, end))
        row(str(count), *cells, str(host.resident_mib()))
