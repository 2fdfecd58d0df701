"""The Lua scripts for whole conversations: they restore, branch and search them."""

from chat.redis.fragments import (
    ACCOUNT,
    INDEX,
    IS,
    KEEP,
    LIST,
    MESSAGES,
    NAMESPACES,
    NUMBERS,
    TYPES,
    WHOLE,
)
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
MAX_VISITED, MAX_SEARCHED_BYTES = 100, 1024 * 1024
"""How many conversations one script searches, and how many bytes of turns it looks at.

It takes some milliseconds.
"""
BEGINNINGS_AT_ONCE = 2
"""For so many beginnings of words a turn counts with its bytes; for more, in proportion.

Each is looked for by itself, and a text that is made for it takes the longest for each.
"""
DECODED = 4
"""A turn that is decoded counts so many times its bytes."""
MAX_POSTINGS_BYTES = 2000
"""The bytes of a term's postings after which no older ones are read in a conversation."""
MAX_EACH = 3
"""The most messages of one conversation that a search finds."""
MAX_TRIES = 50
"""How often a beginning is looked for in a text where it stands within words."""
BYTES_BEFORE, BYTES_BEHIND = 80, 160
"""How much of a message's text a search returns before and behind the first word that it found."""

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
    [IS, TYPES, WHOLE, ACCOUNT, KEEP, NAMESPACES, LIST, NUMBERS, INDEX],
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
        [IS, TYPES, WHOLE, NUMBERS],
        keys=CONVERSATION_NAMES,
        args=["last_number", "turn_count", "max_bytes"],
    )
)
COPY = make_script(
    "copy",
    [ACCOUNT, KEEP, NUMBERS, MESSAGES],
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

# Searching all conversations of an owner.
SEARCH_OWNER = repeatable(
    make_script(
        "search_owner",
        [IS, NUMBERS],
        keys=["conversations"],
        args=["beginning", "last_at", "last_id", "limit", "wanted"],
        constants={
            "MAX_VISITED": MAX_VISITED,
            "MAX_SEARCHED_BYTES": MAX_SEARCHED_BYTES,
            "BEGINNINGS_AT_ONCE": BEGINNINGS_AT_ONCE,
            "DECODED": DECODED,
            "MAX_POSTINGS_BYTES": MAX_POSTINGS_BYTES,
            "MAX_EACH": MAX_EACH,
            "MAX_TRIES": MAX_TRIES,
            "BYTES_BEFORE": BYTES_BEFORE,
            "BYTES_BEHIND": BYTES_BEHIND,
        },
    )
)
