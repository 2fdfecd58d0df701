"""The scripts for an owner's memories."""

from chat.redis.fragments import ACCOUNT, IS, MEMORIES, MEMORY_INDEX, MEMORY_ROWS, NAMESPACES, SCORE
from chat.redis.keys import ACCOUNT_NAMES, MEMORY_NAMES
from chat.redis.script import make_script, repeatable

BUCKET_BYTES = 100
"""About how many bytes a bucket of a term's postings has, before it is read."""
SKIPPED = 100
"""The most memories of a conversation itself that its search looks past, to find others."""
MANY = 2000
"""A search of more memories reads the sketches of all first, and then the rows of the nearest.

Of fewer it reads all rows, which takes it less than one more round trip.
"""
ROW_NAMES = ("memory_signatures", "memory_rows", "memory_sketches")

REMEMBER = make_script(
    "remember",
    [IS, ACCOUNT, NAMESPACES, MEMORY_INDEX, MEMORY_ROWS, MEMORIES],
    keys=MEMORY_NAMES,
    maybe=ACCOUNT_NAMES,
    args=["new_memories", "max_memories", "account"],
)
RESTATE = make_script(
    "restate",
    [IS, ACCOUNT, NAMESPACES, MEMORY_INDEX, MEMORY_ROWS, MEMORIES],
    keys=MEMORY_NAMES,
    maybe=ACCOUNT_NAMES,
    args=["new_memory", "account"],
)
FORGET_MEMORY = make_script(
    "forget_memory",
    [IS, ACCOUNT, NAMESPACES, MEMORY_INDEX, MEMORY_ROWS, MEMORIES],
    keys=MEMORY_NAMES,
    maybe=ACCOUNT_NAMES,
    args=["memory_id", "of_namespace", "account"],
)
SIGNATURES = repeatable(
    make_script(
        "signatures",
        [MEMORY_ROWS, SCORE],
        keys=[*ROW_NAMES, "memory_index"],
        args=["tag", "max_found", "own", "*searched"],
        constants={"BUCKET_BYTES": BUCKET_BYTES, "SKIPPED": SKIPPED, "MANY": MANY},
    )
)
ROWS = repeatable(
    make_script("rows", [MEMORY_ROWS], keys=ROW_NAMES, args=["tag", "count", "own", "*places"])
)
CANDIDATES = repeatable(
    make_script("candidates", keys=["memories", "memory_embeddings"], args=["max_bytes", "*ids"])
)
MEMORIES_PAGE = repeatable(
    make_script(
        "memories_page",
        keys=["memories", "memory_times"],
        args=["last_at", "last_id", "limit", "max_bytes"],
    )
)
