"""The Lua scripts that put whole conversations into Redis: restored ones, and branches."""

from chat.redis.fragments import ACCOUNT, INDEX, IS, KEEP, LIST, TYPES, WHOLE
from chat.redis.keys import ACCOUNT_NAMES, CONVERSATION_NAMES, SOURCE_NAMES
from chat.redis.script import make_script, repeatable
from chat.redis.scripts import CONVERSATION_BYTES, STARTED_S

MAX_COPIED, MAX_COPIED_BYTES = 500, 256 * 1024
"""How many turns, fields of an index and embeddings one script copies, and how many bytes.

It takes some milliseconds.
"""
SPLIT_BYTES = 2000
"""To divide a chunk of postings takes as long as to copy so many bytes."""
LAST_BYTES = 60
"""The most bytes of the last posting of a term: three numbers."""

# Restoring a whole conversation in parts; it is there once the last part is stored.
STAGE = make_script(
    "stage",
    [ACCOUNT],
    keys=["restored"],
    maybe=ACCOUNT_NAMES,
    args=["begin", "part_ms", "account", "piece"],
)
RESTORE = make_script(
    "restore",
    [IS, TYPES, WHOLE, ACCOUNT, KEEP, LIST, INDEX],
    keys=[*CONVERSATION_NAMES, "restored", "started"],
    maybe=["conversations", *ACCOUNT_NAMES],
    args=[
        "fencing", "part_ms", "is_first", "is_last", "archived_count", "lifetime_s",
        "conversation_id", "repetition", "result", "started", "account", "*pieces",
    ],
    constants={"CONVERSATION_BYTES": CONVERSATION_BYTES, "STARTED_S": STARTED_S},
)  # fmt: skip

# A branch: what decides about it, and what is copied without passing through the guest.
BRANCH_SOURCE = repeatable(
    make_script(
        "branch_source",
        [IS, TYPES, WHOLE],
        keys=CONVERSATION_NAMES,
        args=["last_number", "turn_count", "max_bytes"],
    )
)
COPY = make_script(
    "copy",
    [ACCOUNT, KEEP],
    keys=[*CONVERSATION_NAMES, *SOURCE_NAMES],
    maybe=ACCOUNT_NAMES,
    args=[
        "fencing", "part_ms", "place", "first_number", "cut_number", "cut_index",
        "conversation_id", "account",
    ],
    constants={
        "CONVERSATION_BYTES": CONVERSATION_BYTES,
        "MAX_COPIED": MAX_COPIED,
        "MAX_COPIED_BYTES": MAX_COPIED_BYTES,
        "LAST_BYTES": LAST_BYTES,
        "SPLIT_BYTES": SPLIT_BYTES,
    },
)  # fmt: skip
