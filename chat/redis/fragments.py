"""What the Lua scripts share, in the order in which they may stand behind each other."""

from chat.core.limits import WINDOW_S
from chat.core.vectors import SIGNATURE_BITS
from chat.redis.script import Fragment

FIELD_BYTES, ITEM_BYTES = 64, 16
"""What Redis keeps about with a field of a hash, and with an element of a list."""
MOST_SETTLED = 1000
"""Conversations that one script counts as expired: some milliseconds of Redis."""
MEMORY_BYTES = 300
"""What Redis keeps about with a memory, beside what it says and its embedding."""
CHUNK_BYTES = 480
"""The most that is written again to note a term's next turn."""
MOST_READ_BYTES = 12_000
"""The postings that a search reads, the rarest terms' first: about 1,500, whatever the history. The
terms that are left out then are those that say least."""
BM25_K1, BM25_B = 1.2, 0.75
"""Source: Robertson and Zaragoza, The Probabilistic Relevance Framework (2009)."""
NEIGHBOUR_SHARE = 0.3
"""What a turn gets of the score of the one before and of the one after: talk goes on."""
DAYS = 7
"""Days over which owners are counted; the counters of a day are kept one day longer."""
DAY_S = 86_400

IS = Fragment("is")
TYPES = Fragment("types")
WHOLE = Fragment("whole")
LIMITS = Fragment("limits", {"WINDOW_S": WINDOW_S})
ACCOUNT = Fragment(
    "account",
    {"FIELD_BYTES": FIELD_BYTES, "ITEM_BYTES": ITEM_BYTES, "MOST_SETTLED": MOST_SETTLED},
)
NEWCOMERS = Fragment("newcomers")
LOST = Fragment("lost")
BUSY = Fragment("busy")
KEEP = Fragment("keep")
LIST = Fragment("list")
INDEX = Fragment("index", {"CHUNK_BYTES": CHUNK_BYTES})
SEARCH = Fragment(
    "search",
    {
        "MOST_READ_BYTES": MOST_READ_BYTES,
        "BM25_K1": BM25_K1,
        "BM25_B": BM25_B,
        "NEIGHBOUR_SHARE": NEIGHBOUR_SHARE,
    },
)
MEMORIES = Fragment(
    "memories", {"MEMORY_BYTES": MEMORY_BYTES, "SIGNATURE_DIGITS": SIGNATURE_BITS // 4}
)
COUNT_ALL = Fragment("count_all", {"COUNTED_S": (DAYS + 1) * DAY_S})
SUMMARY = Fragment("summary")
