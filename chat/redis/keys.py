"""The names of all Redis keys.

    <prefix>:next_id               string  the counter behind the incrementing id
    <prefix>:rate                  hash    turns of everybody, by the second
    <prefix>:<owner>:rate          hash    turns of an owner, or of an address, by the second
    <prefix>:<owner>:conversations zset    an owner's conversation ids by last activity
    <prefix>:<owner>:<id>          hash    context, context_tokens, window_tokens, title,
                                           created_at, active_at,
                                           turn_count, evicted_count, evidence_tokens, pinned,
                                           kept
    <prefix>:<owner>:<id>:turns    list    turns in the context window, oldest first
    <prefix>:<owner>:<id>:archive  list    evicted turns, oldest first, capped
    <prefix>:<owner>:<id>:done     hash    results of turns that had an Idempotency-Key
    <prefix>:<owner>:<id>:lock     string  the fencing value of the running turn
    <prefix>:<owner>:<id>:embeddings hash  embeddings of messages, as they were asked for
    <prefix>:<owner>:<id>:index    hash    for each term, the evicted turns that it stands in
    <prefix>:<owner>:<id>:restored:<fencing> string  a long part that is being brought back
    <prefix>:<owner>:memories      hash    memories by id
    <prefix>:<owner>:memories:times        zset  their ids by time
    <prefix>:<owner>:memories:texts        hash  their ids by the digest of the text
    <prefix>:<owner>:memories:signatures   hash  the signs of their embeddings
    <prefix>:<owner>:memories:embeddings   hash  their embeddings
    <prefix>:<owner>:memories:rows         string  ids and signatures, as a search reads them
    <prefix>:<owner>:erased        string  a word for the last time that the owner was erased
    <prefix>:<owner>:usage         hash    bytes of each conversation and of the memories, in all
    <prefix>:<owner>:ends          zset    conversation ids by the moment that they expire, in ms
    <prefix>:<owner>:seen          string  says that the owner was counted as a new one
    <prefix>:<address>:newcomers   hash    owners that nobody saw before, by the second
    <prefix>:<address>:credentials hash    new credentials by the second
    <prefix>:<address>:imported    string  how many bytes of imports are left, and when
    <prefix>:stats                 hash    what was counted
    <prefix>:stats:<day>           hash    the same of a day
    <prefix>:stats:<day>:owners    hll     how many owners took a turn that day
    <prefix>:cleanup               string  where the next clean-up goes on
    <prefix>:model_health          string  whether the model answered a moment ago
    <prefix>:probe                 string  written to see whether Redis takes writes
    <prefix>:<owner>:started:<key> string  the id that an Idempotency-Key for a start led to

The owner is a hash tag, so that all keys of an owner share one slot of a sharded Redis. Nothing
that a caller sends is part of a key: tags are hashes, and ids are numbers.
"""

from collections.abc import Sequence

Keys = dict[str, str]
"""Keys by the names that the scripts have for them."""

CONVERSATION_NAMES = ("conversation", "turns", "archive", "done", "lock", "embeddings", "index")
MEMORY_NAMES = (
    "memories", "memory_times", "memory_texts", "memory_signatures", "memory_embeddings",
    "memory_rows",
)  # fmt: skip
OWNED_NAMES = ("conversations", *MEMORY_NAMES)
"""The list of an owner's conversations, and the owner's memories."""
ACCOUNT_NAMES = ("mark", "usage", "ends", "listed")
"""An owner's account; the last one is the list of the owner's conversations once more."""
NEWCOMER_NAMES = ("newcomers", "seen")
STATS_NAMES = ("stats", "day_stats", "day_owners")


def next_id_key(prefix: str) -> str:
    """Name the counter."""
    return f"{prefix}:next_id"


def rate_key(prefix: str, tag: str | None = None) -> str:
    """Name the turns of an owner or an address by the second, or those of everybody."""
    return f"{prefix}:{tag}:rate" if tag else f"{prefix}:rate"


def conversations_key(prefix: str, owner: str) -> str:
    """Name the list of an owner's conversations."""
    return f"{prefix}:{owner}:conversations"


def owned_keys(prefix: str, owner: str) -> Keys:
    """Name the list of an owner's conversations, and the keys of the memories."""
    return {"conversations": conversations_key(prefix, owner)} | memory_keys(prefix, owner)


def account_keys(prefix: str, owner: str) -> Keys:
    """Name the keys of an owner's account."""
    parts = ("erased", "usage", "ends", "conversations")
    return _named(ACCOUNT_NAMES, [f"{prefix}:{owner}:{part}" for part in parts])


def seen_key(prefix: str, owner: str) -> str:
    """Name what says that an owner was counted as a new one."""
    return f"{prefix}:{owner}:seen"


def newcomers_key(prefix: str, tag: str) -> str:
    """Name the owners that nobody saw before, of an address by the second."""
    return f"{prefix}:{tag}:newcomers"


def credentials_key(prefix: str, tag: str) -> str:
    """Name the new credentials of an address by the second."""
    return f"{prefix}:{tag}:credentials"


def imported_key(prefix: str, tag: str) -> str:
    """Name what an address may import."""
    return f"{prefix}:{tag}:imported"


def started_key(prefix: str, tag: str, key: str) -> str:
    """Name where an Idempotency-Key of an owner or an address leads; `key` is a digest."""
    return f"{prefix}:{tag}:started:{key}"


def memory_keys(prefix: str, owner: str) -> Keys:
    """Name the keys of an owner's memories."""
    base = f"{prefix}:{owner}:memories"
    parts = ("times", "texts", "signatures", "embeddings", "rows")
    return _named(MEMORY_NAMES, [base, *(f"{base}:{part}" for part in parts)])


def stats_keys(prefix: str, day: int) -> Keys:
    """Name the counters, those of a day, and that day's active owners."""
    keys = [f"{prefix}:stats", f"{prefix}:stats:{day}", owners_key(prefix, day)]
    return _named(STATS_NAMES, keys)


def owners_key(prefix: str, day: int) -> str:
    """Name a day's active owners."""
    return f"{prefix}:stats:{day}:owners"


def cleanup_key(prefix: str) -> str:
    """Name where the next clean-up goes on."""
    return f"{prefix}:cleanup"


def health_key(prefix: str) -> str:
    """Name what became of the last question whether the model answers."""
    return f"{prefix}:model_health"


def probe_key(prefix: str) -> str:
    """Name what is written to see whether Redis takes writes."""
    return f"{prefix}:probe"


def owner_pattern(prefix: str, owner: str) -> str:
    """Match every key of an owner; neither part has a character that means something in it."""
    return f"{prefix}:{owner}:*"


def conversation_keys(prefix: str, owner: str, conversation_id: int) -> Keys:
    """Name the keys of a conversation; the id is a number, and the owner made by this module."""
    base = f"{prefix}:{owner}:{conversation_id}"
    parts = ("turns", "archive", "done", "lock", "embeddings", "index")
    return _named(CONVERSATION_NAMES, [base, *(f"{base}:{part}" for part in parts)])


def restored_key(prefix: str, owner: str, conversation_id: int, fencing: str) -> str:
    """Name where a long part of a conversation waits that a request brings back."""
    return f"{prefix}:{owner}:{conversation_id}:restored:{fencing}"


def _named(names: Sequence[str], keys: Sequence[str]) -> Keys:
    return dict(zip(names, keys, strict=True))
