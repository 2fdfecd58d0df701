"""Measures this chat against what people use instead; every row in the same run."""

import concurrent.futures
import contextlib
import itertools
import math
import pathlib
import random
import statistics
import time
from collections.abc import Iterator, Sequence

import httpx

from bench.model import ECHO
from bench.plots import plot_lines
from bench.systems import (
    PROMPT_WORDS,
    SYSTEMS,
    Failed,
    Running,
    build_one_value,
    make_talk,
    run_model,
)
from bench.turns import redis_calls
from host.resp import Connection, parse_address
from tests.chat.talk import english
from tests.chat.tokenizers import load_tokenizers
from tests.running import RunningRedis, free_port

PAST_TURNS = (1, 10, 100, 1_000, 10_000)
SAMPLES = {1: 40, 10: 40, 100: 40, 1_000: 24, 10_000: 10}
WARM_UP = 3
CONCURRENCY = (1, 8, 64)
THROUGHPUT_S = 6.0
WRITERS, WRITES = 16, 10
USERS = 50
CONTEXT_LENGTH = 3500
PATIENCE_S = 60.0
CELL_S = 30.0
SLOW_MS = 4000.0
SCRIPTS = {
    "Latin": "Grüße, señor, naïve façade",
    "Cyrillic": "Сколько стоит хлеб?",
    "Greek": "Καλημέρα, τι κάνεις;",
    "Arabic": "ما اسمك يا صديقي؟",
    "Chinese": "你好，今天的汤怎么样？",
    "Devanagari": "आपका नाम क्या है? 🍞",
}

CORRECTNESS = f"""
## Whether it is right

{WRITERS} clients take {WRITES} turns each in one conversation at once, and ask again where they are
told to (409). Lost: turns that were answered and do not stand in the history; out of order: replies
that do not follow their prompts. Too long: prompts of over {CONTEXT_LENGTH:,} tokens (of a
real tokenizer, Tekken's) after 1,000 turns. Mixed up: of {USERS} users at once, those in whose
history or reply another's word stands. Scripts: texts that come back as they were.
"""

THROUGHPUT = f"""
## Turns a second

Four worker processes each; every client in a conversation of its own, of 10 turns and those that it
takes in {THROUGHPUT_S:.0f} s. Turns a second (median ms; p99), then the ratio to the first row at
the same concurrency.
"""

HISTORIES = f"""
## One turn as the history grows

Milliseconds beside the model, whose own time for prompts of the same size is taken off: median
(lower to upper quartile; p99). One request after the other; up to {max(SAMPLES.values())} samples
or {CELL_S:.0f} s a cell. Not tried: where the cell before took over {SLOW_MS / 1000:.0f} s a turn.
"""


def compare(folder: pathlib.Path, pictures: pathlib.Path) -> None:
    """Print the tables, and draw the two main ones."""
    build_one_value()
    rng = random.Random(1)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(run_redis(folder / "redis"))
        model_url = stack.enter_context(run_model(folder / "model"))
        for number, system in enumerate(SYSTEMS):  # compiles, and writes what is then cached
            with system.run(folder / f"first{number}", redis, model_url, 1) as one:
                one.take_turn("Hello.")
        model = stack.enter_context(httpx.Client(base_url=model_url, trust_env=False))
        running = [
            stack.enter_context(system.run(folder / str(number), redis, model_url, 1))
            for number, system in enumerate(SYSTEMS)
        ]
        compare_footprints(running)
        compare_histories(running, model, rng, pictures)
        compare_redis(running, redis, rng)
        compare_correctness(running, model, rng)
    compare_throughput(folder / "many", rng, pictures)


# one turn as the history grows


def compare_histories(
    running: Sequence[Running], model: httpx.Client, rng: random.Random, pictures: pathlib.Path
) -> None:
    """Print how long a turn takes beside the model, by the turns before it."""
    times = {one.name: measure_histories(one, model, rng) for one in running}
    medians = {
        name: [statistics.median(cell) if isinstance(cell, list) else math.nan for cell in cells]
        for name, cells in times.items()
    }
    print(HISTORIES)
    header(["past turns", *(f"{past:,}" for past in PAST_TURNS)])
    for name, cells in times.items():
        row(name, *(cell if isinstance(cell, str) else describe(cell) for cell in cells))
    print("\nRatios to the first row, and of each row's last cell to its first:\n")
    header(["past turns", *(f"{past:,}" for past in PAST_TURNS), "last to first"])
    first = medians[running[0].name]
    for name, mine in medians.items():
        ratios = [ratio(cell, base) for cell, base in zip(mine, first, strict=True)]
        row(name, *ratios, ratio(mine[-1], mine[0]))
    labels = ("turns before", "ms of one turn beside the model")
    plot_lines(pictures / "history.png", PAST_TURNS, medians, labels)


def measure_histories(
    one: Running, model: httpx.Client, rng: random.Random
) -> list[list[float] | str]:
    """Time turns by how many there were before, or say why that cannot be."""
    cells: list[list[float] | str] = []
    for past in PAST_TURNS:
        slow = cells and (isinstance(cells[-1], str) or statistics.median(cells[-1]) > SLOW_MS)
        if slow:
            cells.append("not tried")
            continue
        try:
            cells.append(measure_history(one, model, rng, past))
        except (Failed, ValueError):
            cells.append("fails")
    return cells


def measure_history(
    one: Running, model: httpx.Client, rng: random.Random, past: int
) -> list[float]:
    """Time turns with so many before them, the model's own time taken off; in ms."""
    talk = make_talk(rng, past)
    if past < SAMPLES[past]:  # turns would make it longer
        kept = [one.add(talk) for _ in range(SAMPLES[past] + WARM_UP)]
    else:
        kept = [one.add(talk)] * (SAMPLES[past] + WARM_UP)
    model.get("/seen")
    taken: list[float] = []
    ends = time.monotonic() + CELL_S
    for conversation in kept:
        if time.monotonic() > ends and len(taken) > WARM_UP + 1:
            break
        prompt = english(rng, PROMPT_WORDS)
        begun = time.perf_counter()
        one.take_turn(prompt, conversation)
        taken.append((time.perf_counter() - begun) * 1000)
    own_ms = model_ms(model, int(model.get("/seen").json()["bytes"]))
    return [max(0.0, one_ms - own_ms) for one_ms in taken[WARM_UP:]]


def ratio(cell: float, base: float) -> str:
    """Give a ratio, if both are known."""
    return "" if math.isnan(cell) or math.isnan(base) else f"{cell / base:.2f}"


def model_ms(model: httpx.Client, size: int) -> float:
    """Time the model itself for bodies of a size."""
    message = {"role": "user", "content": "x" * max(1, size - 60)}
    body = {"model": "instant", "messages": [message]}
    taken = []
    for _ in range(WARM_UP + 15):
        begun = time.perf_counter()
        model.post("/v1/chat/completions", json=body)
        taken.append((time.perf_counter() - begun) * 1000)
    model.get("/seen")
    return statistics.median(taken[WARM_UP:])


# many at once


def compare_throughput(folder: pathlib.Path, rng: random.Random, pictures: pathlib.Path) -> None:
    """Print how many turns a second run at once, each client in a conversation of its own."""
    results: dict[str, list[tuple[float, list[float]]]] = {}
    for number, system in enumerate(SYSTEMS):
        place = folder / str(number)
        with (
            run_redis(place / "redis") as redis,
            run_model(place / "model") as model_url,
            system.run(place / "system", redis, model_url, 4) as one,
        ):
            results[system.name] = [measure_throughput(one, count, rng) for count in CONCURRENCY]
    print(THROUGHPUT)
    header(["clients at once", *map(str, CONCURRENCY), *(f"ratio at {n}" for n in CONCURRENCY)])
    first = results[SYSTEMS[0].name]
    for name, cells in results.items():
        told = [
            f"{rate:.0f} ({statistics.median(taken):.1f}; {p99(taken):.1f})"
            for rate, taken in cells
        ]
        ratios = [f"{mine[0] / base[0]:.2f}" for mine, base in zip(cells, first, strict=True)]
        row(name, *told, *ratios)
    lines = {name: [rate for rate, _ in cells] for name, cells in results.items()}
    plot_lines(
        pictures / "throughput.png", CONCURRENCY, lines, ("clients at once", "turns a second")
    )


def measure_throughput(one: Running, count: int, rng: random.Random) -> tuple[float, list[float]]:
    """Let clients take turns for a while; give the turns a second, and how long each took in ms."""
    kept = [one.add(make_talk(rng, 10)) for _ in range(count)]
    prompts = [english(rng, PROMPT_WORDS) for _ in range(64)]
    ends = time.perf_counter() + THROUGHPUT_S

    def talk(conversation: str) -> list[float]:
        taken: list[float] = []
        with one.new_client() as client:
            while (begun := time.perf_counter()) < ends:
                one.take_turn(prompts[len(taken) % 64], conversation, client)
                taken.append((time.perf_counter() - begun) * 1000)
        return taken

    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        taken = [ms for times in threads.map(talk, kept) for ms in times]
    return len(taken) / (time.perf_counter() - begun), taken


@contextlib.contextmanager
def run_redis(folder: pathlib.Path) -> Iterator[RunningRedis]:
    """Run a Redis server."""
    redis = RunningRedis(free_port(), folder)
    redis.start()
    yield redis
    redis.stop()


# what it takes


def compare_footprints(running: Sequence[Running]) -> None:
    """Print what each takes before a turn."""
    print("\n## Size and memory\n")
    print("One process each. Started: until it answers, everything compiled before. Memory: the")
    print("proportional share (PSS) of the process and its children, idle after one turn.\n")
    header(["", "size, MB", "started, s", "idle, MB", "ratio of memory"])
    for one in running:
        one.take_turn("Hello.")
    first = memory_mb(running[0].pid)
    for one in running:
        idle = memory_mb(one.pid)
        row(one.name, f"{size_mb(one.path):.0f}", f"{one.start_s:.2f}", f"{idle:.0f}",
            f"{idle / first:.2f}")  # fmt: skip


def size_mb(path: pathlib.Path) -> float:
    """Size of a file, or of all in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def memory_mb(pid: int) -> float:
    """Proportional memory of a process and its children."""
    total = 0
    for process in [pid, *children_of(pid)]:
        with contextlib.suppress(OSError):
            lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def children_of(pid: int) -> list[int]:
    """Name the children of a process, and theirs."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children_of(child)]
    return found


def compare_redis(running: Sequence[Running], redis: RunningRedis, rng: random.Random) -> None:
    """Print what a turn asks of Redis, and what a conversation takes there."""
    print("\n## Redis\n")
    print(
        "One turn after 1,000: commands as Redis counts them (those inside scripts too), bytes to"
    )
    print("and from it. Memory: of a conversation of 1,000 turns, by what the server uses more.\n")
    header(["", "commands", "KB to Redis", "KB from Redis", "KB a conversation", "ratio of bytes"])
    base = 0.0
    for one in running:
        before = used_bytes(redis)
        conversation = one.add(make_talk(rng, 1_000))
        kept = used_bytes(redis) - before
        one.take_turn(english(rng, PROMPT_WORDS), conversation)
        first, idle = traffic(redis), traffic(redis)
        one.take_turn(english(rng, PROMPT_WORDS), conversation)
        last = traffic(redis)
        commands, received, sent = (
            c - b - (b - a) for a, b, c in zip(first, idle, last, strict=True)
        )
        base = base or float(received + sent)
        row(one.name, str(commands), f"{received / 1e3:.1f}", f"{sent / 1e3:.1f}",
            f"{kept / 1e3:.0f}", f"{(received + sent) / base:.2f}")  # fmt: skip


def traffic(redis: RunningRedis) -> tuple[int, int, int]:
    """Give commands, and bytes to and from Redis, until now."""
    info = info_of(redis, b"stats")
    commands = sum(redis_calls(redis).values())
    return commands, int(info["total_net_input_bytes"]), int(info["total_net_output_bytes"])


def used_bytes(redis: RunningRedis) -> int:
    """Give the memory that Redis uses for data."""
    return int(info_of(redis, b"memory")["used_memory"])


def info_of(redis: RunningRedis, section: bytes) -> dict[str, str]:
    """Give a section of what Redis says of itself."""
    with contextlib.closing(Connection(parse_address(redis.address))) as connection:
        reply = connection.call([b"INFO", section])
    lines = reply.decode().splitlines() if isinstance(reply, bytes) else []
    return dict(line.split(":", 1) for line in lines if ":" in line)


# whether it is right


def compare_correctness(
    running: Sequence[Running], model: httpx.Client, rng: random.Random
) -> None:
    """Print what is lost, mixed up, too long or reachable by others."""
    print(CORRECTNESS)
    header(["", "lost", "out of order", "too long", "mixed up", "scripts intact", "told to wait"])
    tokens_of = load_tokenizers()["tekken-131k"]
    for one in running:
        lost, disordered, waited = write_at_once(one)
        conversation = one.add(make_talk(rng, 1_000))
        lengths = []
        for _ in range(5):
            one.take_turn(english(rng, PROMPT_WORDS), conversation)
            lengths.append(tokens_of(model.get("/last").json()["text"]))
        too_long = sum(length > CONTEXT_LENGTH for length in lengths) / len(lengths)
        row(one.name, f"{lost:.0%}", f"{disordered:.0%}", f"{too_long:.0%}", str(mix_up(one)),
            f"{intact(one)} of {len(SCRIPTS)}", str(waited))  # fmt: skip


def write_at_once(one: Running) -> tuple[float, float, int]:
    """Let clients write into one conversation; give the shares that are lost and out of order."""
    conversation, _ = one.take_turn("Let us begin.")
    waits = [0]

    def write(writer: int) -> list[str]:
        said = []
        with one.new_client() as client:
            for number in range(WRITES):
                prompt = f"Writer {writer} says number {number}."
                waits[0] += patiently(one, prompt, conversation, client)
                said.append(prompt)
        return said

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as threads:
        prompts = [prompt for said in threads.map(write, range(WRITERS)) for prompt in said]
    found = one.contents(conversation)
    replied = {prompt for prompt, reply in itertools.pairwise(found) if reply == ECHO + prompt}
    lost = [prompt for prompt in prompts if prompt not in found]
    disordered = [prompt for prompt in prompts if prompt in found and prompt not in replied]
    return len(lost) / len(prompts), len(disordered) / len(prompts), waits[0]


def patiently(one: Running, prompt: str, conversation: str, client: httpx.Client) -> int:
    """Take a turn, and ask again where one is told to wait; say how often that was."""
    waits, ends = 0, time.monotonic() + PATIENCE_S
    while True:
        try:
            one.take_turn(prompt, conversation, client)
        except Failed as error:
            if not str(error).startswith("409") or time.monotonic() > ends:
                raise
            waits += 1
            time.sleep(0.02)
        else:
            return waits


def mix_up(one: Running) -> int:
    """Let users tell secrets at once; count those who meet another's."""

    def talk(user: int) -> bool:
        with one.new_client() as client:
            secret = f"secret{user:03d}x"
            conversation, reply = one.take_turn(f"My word is {secret}.", None, client)
            replies = [reply]
            replies += [one.take_turn(f"I am {secret}.", conversation, client)[1] for _ in range(3)]
        told = " ".join([*replies, *one.contents(conversation)])
        return any(f"secret{other:03d}x" in told for other in range(USERS) if other != user)

    with concurrent.futures.ThreadPoolExecutor(USERS) as threads:
        return sum(threads.map(talk, range(USERS)))


def intact(one: Running) -> int:
    """Count the scripts whose text comes back as it was, in the reply and in the history."""
    count = 0
    for text in SCRIPTS.values():
        conversation, reply = one.take_turn(text)
        count += reply == ECHO + text and one.contents(conversation)[:2] == [text, ECHO + text]
    return count


# tables


def header(names: Sequence[str]) -> None:
    """Print the head of a table."""
    print(f"| {' | '.join(names)} |")
    print("|" + "---|" * len(names))


def row(name: str, *cells: str) -> None:
    """Print a row."""
    print(f"| {name} | {' | '.join(cells)} |")


def describe(taken: Sequence[float]) -> str:
    """Give median, quartiles and p99."""
    low, median, high = statistics.quantiles(taken, n=4)
    return f"{median:.1f} ({low:.1f} to {high:.1f}; {p99(taken):.1f})"


def p99(taken: Sequence[float]) -> float:
    """Give what 99 of 100 do not exceed."""
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * 0.99))]
