"""Data as a version of the component stored it: read from the stores, kept as a file, put back.

`python -m tests.kept_data` writes the file for the schema of the component that `app.wasm` is.
"""

import json
import pathlib
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import httpx

from chat.core.schema import SCHEMA
from host.interfaces.resp import Connection, Status, parse_address
from tests.e2e.test_owners import ask, start
from tests.running import (
    NO_TLS,
    Answer,
    Asked,
    RunningChroma,
    RunningHost,
    RunningRedis,
    as_flags,
    free_port,
    run_host,
    run_model_endpoint,
)

FOLDER = pathlib.Path(__file__).parent / "data"
TOKEN = "kept-data-of-an-owner-of-a-version-before-0"
"""The credential of the owner whose data are kept."""
SETTINGS = (
    "model_api=openai", "recall=hybrid", "context_length=900", "max_reply_tokens=60",
    "summary_tokens=40", "memory_min_chars=10",
)  # fmt: skip
COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
READ = {
    "string": ["GET"], "hash": ["HGETALL"], "list": ["LRANGE", "0", "-1"],
    "zset": ["ZRANGE", "0", "-1", "WITHSCORES"],
}  # fmt: skip
WRITE = {"string": "SET", "hash": "HSET", "list": "RPUSH", "zset": "ZADD"}
"""The commands that read and write a key of each type."""
SAID = "My cat is called Tom, and he likes to sleep on the warm stove when it rains outside. " * 2


def kept_path(schema: int) -> pathlib.Path:
    """Return the file with the data of a schema."""
    return FOLDER / f"schema-{schema}.json"


def load_kept(schema: int) -> Any:
    return json.loads(kept_path(schema).read_text())


def read_keys(connection: Connection) -> dict[str, list[Any]]:
    """Return the type and the content of every key that is not about a minute or a day."""
    keys = connection.call([b"KEYS", b"*"])
    assert isinstance(keys, list)
    found = {}
    for key in sorted(key for key in keys if isinstance(key, bytes)):
        kind = connection.call([b"TYPE", key])
        assert isinstance(kind, Status)
        if not key.decode().endswith((":rate", ":owners", ":probe", ":seen", ":newcomers")):
            command, *rest = READ[kind.text]
            reply = connection.call([command.encode(), key, *(part.encode() for part in rest)])
            values = reply if isinstance(reply, list) else [reply]
            found[key.decode()] = [kind.text, [v.decode() for v in values if isinstance(v, bytes)]]
    return found


def write_keys(connection: Connection, keys: Mapping[str, list[Any]]) -> None:
    for key, (kind, values) in keys.items():
        # In a sorted set, a score comes before its member, but is read behind it.
        pairs = [values[at : at + 2][::-1] for at in range(0, len(values), 2)]
        given = [value for pair in pairs for value in pair] if kind == "zset" else values
        written = connection.call([WRITE[kind].encode(), key.encode(), *map(str.encode, given)])
        assert isinstance(written, int | Status), written


def read_collections(address: str) -> list[dict[str, Any]]:
    """Return the collections of a Chroma, with their records."""
    with httpx.Client(base_url=address, trust_env=False, verify=NO_TLS) as chroma:
        found = []
        for one in chroma.get(COLLECTIONS).raise_for_status().json():
            wanted = {"include": ["documents", "metadatas", "embeddings"]}
            records = chroma.post(f"{COLLECTIONS}/{one['id']}/get", json=wanted).json()
            kept = {name: records[name] for name in ("ids", *wanted["include"])}
            found.append({"name": one["name"], "metadata": one["metadata"], "records": kept})
    return found


def write_collections(address: str, collections: list[dict[str, Any]]) -> None:
    space = {"hnsw": {"space": "cosine"}}
    with httpx.Client(base_url=address, trust_env=False, verify=NO_TLS) as chroma:
        for one in collections:
            fields = {"name": one["name"], "metadata": one["metadata"], "configuration": space}
            made = chroma.post(COLLECTIONS, json=fields).raise_for_status().json()
            path = f"{COLLECTIONS}/{made['id']}/upsert"
            chroma.post(path, json=one["records"]).raise_for_status()


def answer(asked: Asked) -> Answer:
    """Answer as an endpoint of OpenAI's kind, with embeddings of few numbers."""
    told = json.loads(asked.body)
    if asked.path.endswith("/embeddings"):
        rows = [
            {"index": place, "embedding": [1.0, *(text.count(letter) / 8 for letter in "aeinorst")]}
            for place, text in enumerate(told["input"])
        ]
        return Answer(json.dumps({"data": rows}).encode())
    is_summary = "What was said since" in told["messages"][-1]["content"]
    reply = "The cat is called Tom." if is_summary else "I see."
    message = {"role": "assistant", "content": reply}
    return Answer(json.dumps({"choices": [{"message": message}]}).encode())


def fill(host: RunningHost) -> None:
    """Store something of everything."""
    host.client.headers["idempotency-key"] = "kept"
    mine = start(host, TOKEN, SAID)
    del host.client.headers["idempotency-key"]
    for number in range(10):
        ask(host, "POST", "/", TOKEN, id=mine, prompt=f"{number}. {SAID}")
    host.client.headers["idempotency-key"] = "again"
    ask(host, "POST", "/", TOKEN, id=mine, prompt="What is my cat called?")
    del host.client.headers["idempotency-key"]
    ask(host, "PATCH", f"/conversations/{mine}", TOKEN, title="A cat", pinned=True)
    added = [
        {"role": "user", "content": "Look.", "created_at": 1_700_000_000, "metadata": {"a": [1]}},
        {"role": "tool", "content": "A cat.", "metadata": {"by": "a camera"}},
    ]
    ask(host, "POST", f"/conversations/{mine}/messages", TOKEN, messages=added)
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "A dog."}
    said = {"type": "message", "role": "user", "content": "Look again."}
    asked = ask(host, "POST", "/v1/conversations", TOKEN, items=[said, call, output])
    assert asked.status_code == 200, asked.text
    work = ask(host, "POST", "/", TOKEN, context="At work.", prompt=SAID, namespace="work").json()
    ask(host, "DELETE", f"/conversations/{work['id']}/messages/1.1", TOKEN)
    ask(host, "POST", "/memories", TOKEN, content="I am allergic to nuts.", namespace="work")
    noted = ask(host, "POST", "/memories", TOKEN, content="I live in Tallinn.").json()
    ask(host, "PATCH", f"/memories/{noted['id']}", TOKEN, pinned=True)
    ask(host, "POST", f"/conversations/{mine}/branch", TOKEN, before="3.0")
    start(host, None, "I am nobody.")
    time.sleep(2)  # what runs behind the answers: embeddings and summaries


def kept_of(folder: pathlib.Path, *, has_chroma: bool) -> dict[str, Any]:
    redis = RunningRedis(free_port(), folder / "redis")
    chroma = RunningChroma(free_port(), folder / "chroma")
    redis.start()
    if has_chroma:
        chroma.start()
    stores = (
        [f"chroma_address={chroma.address}", "long_term=chroma"]
        if has_chroma
        else ["long_term=redis"]
    )
    with run_model_endpoint() as endpoint:
        endpoint.answer = answer
        where = [f"redis_address={redis.address}", f"model_origin={endpoint.url}"]
        with run_host(folder / "host", *as_flags([*where, *stores, *SETTINGS])) as host:
            fill(host)
    connection = Connection(parse_address(redis.address))
    kept: dict[str, Any] = {"redis": read_keys(connection)}
    if has_chroma:
        kept = {"chroma": read_collections(chroma.address)}
        chroma.stop()
    connection.close()
    redis.stop()
    return kept


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept: dict[str, Any] = {}
        for has_chroma in (False, True):
            kept |= kept_of(pathlib.Path(folder, str(has_chroma)), has_chroma=has_chroma)
    kept_path(SCHEMA).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
