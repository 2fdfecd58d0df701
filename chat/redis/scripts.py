"""The Lua scripts, with the names of their keys and arguments; `lua/NAME.lua` says what each does.

Those that put whole conversations into Redis are in `whole_scripts.py`.

The keys in `maybe` are left out for a conversation that has no owner: the owner's list and
memories, the owner's account, and the newcomers that are counted with it.
"""

from chat.core.limits import WINDOW_S
from chat.core.owners import TAG_DIGITS
from chat.redis.fragments import (
    ACCOUNT,
    BUSY,
    COUNT_ALL,
    FOLDED,
    FORGETTING,
    INDEX,
    IS,
    KEEP,
    LIMITS,
    LIST,
    LOST,
    MEMORIES,
    MEMORY_INDEX,
    MEMORY_ROWS,
    MESSAGES,
    NAMESPACES,
    NEWCOMERS,
    NUMBERS,
    SCORE,
    SEARCH,
    STARTS,
    SUMMARY,
    TYPES,
    WHOLE,
)
from chat.redis.keys import (
    ACCOUNT_NAMES,
    CONVERSATION_NAMES,
    NEWCOMER_NAMES,
    OWNED_NAMES,
    STATS_NAMES,
)
from chat.redis.script import make_script, repeatable

CONVERSATION_BYTES = 600
"""An estimate of the bytes that Redis needs for the keys and the head of a conversation."""
MAX_DONE = 100
"""The most results of Idempotency-Keys that a conversation keeps."""
STARTED_S = 86_400
"""How long an Idempotency-Key of a new conversation is remembered."""
PROFILE_S = 30 * 86_400
"""How long it is kept what a model's counts have shown, after they showed something new."""
NOT_THERE = "-"
"""What a script returns in place of an embedding that is not kept."""
SCAN_COUNT, SCANS = 1000, 10
"""How many keys one step of a scan looks at, and how many steps one script takes.

A script takes some milliseconds.
"""
ID_DIGITS = 15
"""The most digits of an id: Lua's numbers are exact up to 2^53, so a longer id is none of ours."""

# A turn: admit or load before the model, create or commit after it.
RATES = ("caller_rate", "rate")
LOAD = repeatable(make_script(
    "load",
    [IS, TYPES, WHOLE, LIMITS, ACCOUNT, NEWCOMERS, NUMBERS, INDEX, SCORE, SEARCH],
    keys=[*CONVERSATION_NAMES, *RATES, "profile"],
    maybe=[*ACCOUNT_NAMES, *NEWCOMER_NAMES],
    args=[
        "fencing", "lock_ms", "limit", "limit_of_all", "repetition", "body", "max_found",
        "account", "*searched",
    ],
    constants={"TAG_DIGITS": TAG_DIGITS},
))  # fmt: skip
HOLD = repeatable(
    make_script(
        "hold",
        [IS, TYPES, WHOLE, ACCOUNT, LOST],
        keys=CONVERSATION_NAMES,
        maybe=ACCOUNT_NAMES,
        args=["fencing", "turn_count", "lock_ms", "account"],
    )
)
COMMIT = repeatable(make_script(
    "commit",
    [
        IS, TYPES, WHOLE, ACCOUNT, LOST, KEEP, NAMESPACES, LIST, NUMBERS, INDEX, MEMORY_INDEX,
        MEMORY_ROWS, MEMORIES, MESSAGES, COUNT_ALL,
    ],
    keys=[*CONVERSATION_NAMES, *STATS_NAMES, "profile"],
    maybe=[*OWNED_NAMES, *ACCOUNT_NAMES],
    args=[
        "fencing", "turn_count", "context_tokens", "window_tokens", "evidence_tokens",
        "pair_tokens", "profile", "active_at",
        "evicted_count", "archive_turns", "lifetime_s", "title", "conversation_id", "repetition",
        "result", "evicted_terms", "new_memories", "max_memories", "embedding_tag", "counters",
        "account", "*turns",
    ],
    constants={"MAX_DONE": MAX_DONE, "PROFILE_S": PROFILE_S},
))  # fmt: skip
ADMIT = repeatable(
    make_script(
        "admit",
        [STARTS, LIMITS, ACCOUNT, NEWCOMERS],
        keys=[*RATES, "started"],
        maybe=[*ACCOUNT_NAMES, *NEWCOMER_NAMES],
        args=["limit", "limit_of_all", "body", "running", "running_ms", "account"],
    )
)
CREATE = repeatable(make_script(
    "create",
    [IS, ACCOUNT, KEEP, NAMESPACES, LIST, MEMORY_INDEX, MEMORY_ROWS, MEMORIES, MESSAGES, COUNT_ALL],
    keys=[*CONVERSATION_NAMES, *STATS_NAMES, "profile", "started"],
    maybe=[*OWNED_NAMES, *ACCOUNT_NAMES],
    args=[
        "fencing", "context", "context_tokens", "window_tokens", "evidence_tokens",
        "pair_tokens", "profile", "active_at",
        "lifetime_s", "title", "conversation_id", "turn", "repetition", "result", "started",
        "new_memories", "max_memories", "counters", "new_namespace", "account",
    ],
    constants={
        "CONVERSATION_BYTES": CONVERSATION_BYTES,
        "STARTED_S": STARTED_S,
        "PROFILE_S": PROFILE_S,
    },
))  # fmt: skip
CONFIRM = repeatable(make_script("confirm", keys=["conversation", "done"], args=["repetition"]))
RELEASE = repeatable(make_script("release", keys=["lock"], args=["fencing"]))
NEXT_ID = repeatable(make_script("next_id", keys=["next_id"]))
HIGHEST_ID = repeatable(
    make_script(
        "highest_id",
        args=["begin", "pattern"],
        constants={"SCANS": SCANS, "SCAN_COUNT": SCAN_COUNT, "ID_DIGITS": ID_DIGITS},
    )
)
RAISE_ID = make_script("raise_id", keys=["next_id"], args=["conversation_id", "is_highest"])

# Listing, reading, changing, forgetting and cleaning up an owner's conversations.
SUMMARISE = repeatable(
    make_script(
        "summarise",
        [IS, TYPES, WHOLE, SUMMARY],
        keys=CONVERSATION_NAMES,
        args=["conversation_id", "must_be_whole"],
    )
)
LIST_PAGE = repeatable(
    make_script(
        "list_page",
        [IS, ACCOUNT, SUMMARY],
        keys=["conversations"],
        maybe=ACCOUNT_NAMES,
        args=["beginning", "last_at", "last_id", "limit", "account"],
    )
)
LIST_IDS = repeatable(make_script("list_ids", keys=["conversations"]))
TURNS_PAGE = repeatable(
    make_script(
        "turns_page",
        [IS, TYPES, WHOLE],
        keys=CONVERSATION_NAMES,
        args=["last_number", "turn_count", "max_bytes", "begin"],
    )
)
CHANGE = make_script(
    "change",
    [IS, TYPES, WHOLE, ACCOUNT, BUSY, KEEP, NAMESPACES],
    keys=CONVERSATION_NAMES,
    maybe=[*OWNED_NAMES, *ACCOUNT_NAMES],
    args=["fencing", "lifetime_s", "added_tokens", "conversation_id", "account", "*fields"],
)
REPLACE = make_script(
    "replace",
    [
        IS, TYPES, WHOLE, ACCOUNT, BUSY, NUMBERS, INDEX, NAMESPACES, MEMORY_INDEX, MEMORY_ROWS,
        MEMORIES, MESSAGES, FOLDED, FORGETTING,
    ],
    keys=CONVERSATION_NAMES,
    maybe=[*OWNED_NAMES, *ACCOUNT_NAMES],
    args=[
        "fencing", "turn_number", "old", "new", "old_terms", "new_terms", "memory_id",
        "conversation_id", "account",
    ],
)  # fmt: skip
LOCK = repeatable(
    make_script(
        "lock", [IS, TYPES, WHOLE, BUSY], keys=CONVERSATION_NAMES, args=["fencing", "lock_ms"]
    )
)
CUT = make_script(
    "cut",
    [
        IS, TYPES, WHOLE, ACCOUNT, BUSY, NUMBERS, INDEX, NAMESPACES, MEMORY_INDEX, MEMORY_ROWS,
        MEMORIES, MESSAGES, FOLDED, FORGETTING,
    ],
    keys=CONVERSATION_NAMES,
    maybe=[*OWNED_NAMES, *ACCOUNT_NAMES],
    args=[
        "fencing", "first_number", "first_index", "turn_count", "old", "new", "old_terms",
        "new_terms", "made_title", "conversation_id", "account",
    ],
    constants={"CONVERSATION_BYTES": CONVERSATION_BYTES},
)  # fmt: skip
FORGET = make_script(
    "forget",
    [IS, ACCOUNT, NAMESPACES, MEMORY_INDEX, MEMORY_ROWS, MEMORIES],
    keys=CONVERSATION_NAMES,
    maybe=[*OWNED_NAMES, *ACCOUNT_NAMES],
    args=["conversation_id", "account"],
)
LOAD_EMBEDDINGS = repeatable(
    make_script(
        "load_embeddings",
        [IS, TYPES],
        keys=CONVERSATION_NAMES,
        args=["*names"],
        constants={"NOT_THERE": NOT_THERE},
    )
)
KEEP_EMBEDDINGS = make_script(
    "keep_embeddings",
    [IS, TYPES, ACCOUNT],
    keys=CONVERSATION_NAMES,
    maybe=ACCOUNT_NAMES,
    args=["conversation_id", "account", "*fields"],
)
UNSUMMARISED = repeatable(
    make_script(
        "unsummarised",
        [IS, TYPES, WHOLE, NUMBERS, FOLDED],
        keys=CONVERSATION_NAMES,
        args=["turn_count", "max_bytes"],
    )
)
KEEP_SUMMARY = make_script(
    "keep_summary",
    [IS, TYPES, ACCOUNT, FOLDED],
    keys=CONVERSATION_NAMES,
    maybe=ACCOUNT_NAMES,
    args=["summary", "mark", "conversation_id", "account"],
)
CLEAN_LIST = make_script(
    "clean_list",
    [ACCOUNT],
    keys=["conversations"],
    maybe=ACCOUNT_NAMES,
    args=["beginning", "account"],
)
CLEAN_INDEX = make_script(
    "clean_index",
    [ACCOUNT, NUMBERS, INDEX],
    keys=CONVERSATION_NAMES,
    maybe=ACCOUNT_NAMES,
    args=["conversation_id", "account"],
)

# An owner's account, and what is counted.
READ_MARK = repeatable(make_script("read_mark", [ACCOUNT], keys=ACCOUNT_NAMES, args=["account"]))
CHECK_MARK = repeatable(make_script("check_mark", [ACCOUNT], keys=ACCOUNT_NAMES, args=["account"]))
BEGIN_ERASURE = make_script("begin_erasure", keys=["mark"], args=["word", "runs_s", "marked_s"])
END_ERASURE = make_script("end_erasure", keys=["mark"], args=["word"])
COUNT_CREDENTIAL = make_script("count_credential", [LIMITS], keys=["credentials"], args=["limit"])
SPEND = make_script(
    "spend", keys=["imported"], args=["limit", "size_bytes"], constants={"WINDOW_S": WINDOW_S}
)
COUNT = make_script("count", [COUNT_ALL], keys=STATS_NAMES, args=["counters"])
READ_STATS = repeatable(make_script("read_stats", [IS], keys=STATS_NAMES[:2]))
