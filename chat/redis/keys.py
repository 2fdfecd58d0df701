"""The names of all Redis keys.

    <prefix>:next_id               string  the counter behind the incrementing id
    <prefix>:rate                  hash    turns of everybody, by the second
    <prefix>:<owner>:rate          hash    turns of an owner, or of an address, by the second
    <prefix>:<owner>:conversations zset    an owner's conversation ids by last activity
    <prefix>:<owner>:conversations:<namespace> zset  the same of one namespace
    <prefix>:<owner>:<id>          hash    context, context_tokens, window_tokens, title,
                                           metadata, created_at, active_at,
                                           turn_count, evicted_count, evidence_tokens,
                                           pair_tokens, pinned, kept, messages,
                                           namespace, summary, forgotten, committed_by, v
    <prefix>:<owner>:<id>:turns    list    turns in the context window, oldest first
    <prefix>:<owner>:<id>:archive  list    evicted turns, oldest first, capped
    <prefix>:<owner>:<id>:done     hash    results of turns that had an Idempotency-Key
    <prefix>:<owner>:<id>:lock     string  the fencing value of the running turn
    <prefix>:<owner>:<id>:embeddings hash  embeddings of messages, each kept when it was made
    <prefix>:<owner>:<id>:index    hash    for each term, the evicted turns that contain it
    <prefix>:<owner>:<id>:restored:<fencing> string  a long part that is being brought back
    <prefix>:<owner>:memories      hash    memories by id
    <prefix>:<owner>:memories:times        zset  their ids by time
    <prefix>:<owner>:memories:texts        hash  their ids by the digest of the text
    <prefix>:<owner>:memories:signatures   hash  the signatures of their embeddings
    <prefix>:<owner>:memories:embeddings   hash  their embeddings
    <prefix>:<owner>:memories:rows         string  ids and signatures, as a search reads them
    <prefix>:<owner>:memories:sketches     string  the beginnings of many signatures
    <prefix>:<owner>:memories:index        hash  for each term, the memories that contain it
    <prefix>:<owner>:memories:namespaces   hash  how many memories each namespace has
    <prefix>:<owner>:memories:times:<namespace>       zset    ids of one namespace by time
    <prefix>:<owner>:memories:texts:<namespace>       hash    its ids by the digest of the text
    <prefix>:<owner>:memories:signatures:<namespace>  hash    its signatures
    <prefix>:<owner>:memories:rows:<namespace>        string  its ids and signatures
    <prefix>:<owner>:memories:sketches:<namespace>    string  the beginnings of its signatures
    <prefix>:<owner>:memories:index:<namespace>       hash    its terms
    <prefix>:<owner>:erased        string  a random word of the last erasure of the owner
    <prefix>:<owner>:usage         hash    bytes of each conversation and of the memories, in all
    <prefix>:<owner>:ends          zset    conversation ids by the moment when they expire, in ms
    <prefix>:<owner>:seen          string  says that the owner was counted as a new one
    <prefix>:<address>:newcomers   hash    owners that were not seen before, by the second
    <prefix>:<address>:credentials hash    new credentials by the second
    <prefix>:<address>:imported    string  how many bytes of imports were left, and at what time
    <prefix>:stats                 hash    what was counted, and the last clean-up
    <prefix>:stats:<day>           hash    what was counted on that day
    <prefix>:stats:<day>:owners    hll     how many owners took a turn that day
    <prefix>:model:<tag>           string  what a model's counts have shown of it
    <prefix>:cleanup               string  where the next clean-up goes on
    <prefix>:model_health          string  whether the model answered a moment ago
    <prefix>:probe                 string  written to see whether Redis takes writes; in a cluster
                                           <prefix>:{<number>}:probe, one on each primary
    <prefix>:<owner>:started:<key> string  the id of the conversation that an Idempotency-Key began

The owner is a hash tag, so that all keys of an owner share one slot of a cluster. What spans owners
has a slot of its own there: its keys, and those of addresses, start with `<prefix>:{all}`. No text
that a caller sends is part of a key: tags and namespaces are hashes, and ids are numbers.
"""

import hashlib
from collections.abc import Sequence

Keys = dict[str, str]
"""Keys, by their names in the scripts."""

CONVERSATION_NAMES = ("conversation", "turns", "archive", "done", "lock", "embeddings", "index")
SOURCE_NAMES = ("from_conversation", "from_archive", "from_index", "from_embeddings")
"""The names of those keys of a conversation from which a branch is copied."""
MEMORY_NAMES = (
    "memories", "memory_times", "memory_texts", "memory_signatures", "memory_embeddings",
    "memory_rows", "memory_sketches", "memory_index", "memory_namespaces",
)  # fmt: skip
OWNED_NAMES = ("conversations", *MEMORY_NAMES)
"""The names of the list of an owner's conversations, and of the owner's memories."""
ACCOUNT_NAMES = ("mark", "usage", "ends", "listed")
"""The names of an owner's account; `listed` is the list of the owner's conversations again."""
NEWCOMER_NAMES = ("newcomers", "seen")
ALL = "{all}"
"""In a cluster, the tag of what spans owners."""
NAMESPACE_DIGITS = 16
"""Hexadecimal digits of the hash of a namespace: two of one owner never have the same one."""
STATS_NAMES = ("stats", "day_stats", "day_owners")


def common_prefix(prefix: str, *, is_sharded: bool) -> str:
    """Return what the keys of what spans owners start with: in a cluster they share a slot."""
    return f"{prefix}:{ALL}" if is_sharded else prefix


def next_id_key(prefix: str) -> str:
    """Return the key of the counter of ids."""
    return f"{prefix}:next_id"


def rate_key(prefix: str, tag: str | None = None) -> str:
    """Return the key that counts the turns of an owner, of an address, or of everybody.

    Shapes: without a `tag` it is everybody's.
    """
    return f"{prefix}:{tag}:rate" if tag else f"{prefix}:rate"


def in_namespace(key: str, namespace: str | None) -> str:
    """Return the name that a key has for one namespace; without a namespace it is the key itself.

    Scripts make the same name: see `lua/shared/namespaces.lua`.
    """
    if not namespace:
        return key
    digest = hashlib.sha1(namespace.encode(), usedforsecurity=False).hexdigest()
    return f"{key}:{digest[:NAMESPACE_DIGITS]}"


def conversations_key(prefix: str, owner: str, namespace: str | None = None) -> str:
    """Return the key of the list of an owner's conversations, or of those of one namespace."""
    return in_namespace(f"{prefix}:{owner}:conversations", namespace)


def owned_keys(prefix: str, owner: str) -> Keys:
    """Return the keys of the list of an owner's conversations, and of the owner's memories."""
    return {"conversations": conversations_key(prefix, owner)} | memory_keys(prefix, owner)


def account_keys(prefix: str, owner: str) -> Keys:
    """Return the keys of an owner's account."""
    parts = ("erased", "usage", "ends", "conversations")
    return _named(ACCOUNT_NAMES, [f"{prefix}:{owner}:{part}" for part in parts])


def seen_key(prefix: str, owner: str) -> str:
    """Return the key that says that an owner was counted as a new one."""
    return f"{prefix}:{owner}:seen"


def newcomers_key(prefix: str, tag: str) -> str:
    """Return the key that counts, by the second, an address's owners that were not seen before."""
    return f"{prefix}:{tag}:newcomers"


def credentials_key(prefix: str, tag: str) -> str:
    """Return the key that counts an address's new credentials by the second."""
    return f"{prefix}:{tag}:credentials"


def imported_key(prefix: str, tag: str) -> str:
    """Return the key that holds how many bytes an address may still import."""
    return f"{prefix}:{tag}:imported"


def started_key(prefix: str, tag: str, key: str) -> str:
    """Return the key that holds where an Idempotency-Key of an owner or an address leads.

    `key` is the digest of the Idempotency-Key.
    """
    return f"{prefix}:{tag}:started:{key}"


def memory_keys(prefix: str, owner: str) -> Keys:
    """Return the keys of an owner's memories."""
    base = f"{prefix}:{owner}:memories"
    parts = (
        "times", "texts", "signatures", "embeddings", "rows", "sketches", "index", "namespaces",
    )  # fmt: skip
    return _named(MEMORY_NAMES, [base, *(f"{base}:{part}" for part in parts)])


def stats_keys(prefix: str, day: int) -> Keys:
    """Return the keys of the counters, of a day's counters, and of that day's active owners."""
    keys = [f"{prefix}:stats", f"{prefix}:stats:{day}", owners_key(prefix, day)]
    return _named(STATS_NAMES, keys)


def owners_key(prefix: str, day: int) -> str:
    """Return the key that counts a day's active owners."""
    return f"{prefix}:stats:{day}:owners"


def profile_key(prefix: str, tag: str) -> str:
    """Return the key that holds what a model's counts have shown; `tag` is a hash of its name."""
    return f"{prefix}:model:{tag}"


def cleanup_key(prefix: str) -> str:
    """Return the key that holds where the next clean-up goes on."""
    return f"{prefix}:cleanup"


def health_key(prefix: str) -> str:
    """Return the key that holds whether the model answered a moment ago."""
    return f"{prefix}:model_health"


def probe_key(prefix: str, tag: str = "") -> str:
    """Return the key that is written to see whether Redis takes writes; a `tag` leads to a node."""
    return f"{prefix}:{{{tag}}}:probe" if tag else f"{prefix}:probe"


def owner_pattern(prefix: str, owner: str) -> str:
    """Return the pattern of every key of an owner.

    Neither part has a character with a special meaning in a pattern.
    """
    return f"{prefix}:{owner}:*"


def conversation_keys(prefix: str, owner: str, conversation_id: int) -> Keys:
    """Return the keys of a conversation."""
    base = f"{prefix}:{owner}:{conversation_id}"
    parts = ("turns", "archive", "done", "lock", "embeddings", "index")
    return _named(CONVERSATION_NAMES, [base, *(f"{base}:{part}" for part in parts)])


def restored_key(prefix: str, owner: str, conversation_id: int, fencing: str) -> str:
    """Return the key where a long part of a conversation waits while a request restores it."""
    return f"{prefix}:{owner}:{conversation_id}:restored:{fencing}"


def _named(names: Sequence[str], keys: Sequence[str]) -> Keys:
    return dict(zip(names, keys, strict=True))
