"""The fragments that Lua scripts share; a script includes them in the order that they have here."""

from chat.context.measure import MEASURE
from chat.core.counters import DAY_S
from chat.core.limits import WINDOW_S
from chat.core.owners import TAG_DIGITS
from chat.core.schema import SCHEMA
from chat.core.vectors import SIGNATURE_BITS, SKETCH_BITS
from chat.core.vectors import TAG_DIGITS as MODEL_DIGITS
from chat.redis.keys import NAMESPACE_DIGITS
from chat.redis.script import Fragment

FIELD_BYTES, ITEM_BYTES = 64, 16
"""Estimates of the bytes that Redis needs for a hash field, and a list item, beside its content."""
MAX_SETTLED = 1000
"""The most expired conversations that one script takes off an account, in a few milliseconds."""
MEMORY_BYTES = 300
"""An estimate of the bytes that Redis needs for a memory beside its record and its embedding."""
CHUNK_BYTES = 480
"""Bytes above which a term's newest chunk is closed: to note a turn, this chunk is written anew."""
FEW = 4
"""The most memories whose removal changes the rows of all; many are removed faster without them."""
PORTION = 50
"""The most memories that one script forgets: to take one out of the index takes about 0.2 ms."""
IN_BUCKET = 64
"""How many memories share a bucket of a term's postings, which is written anew for each of them."""
MAX_READ_BYTES = 12_000
"""The bytes of postings that a search reads: about 1,500 postings, however long the history is.

The rarest terms are read first, so the terms that are left out are those that say least.
"""
DAYS = 7
"""Days over which active owners are counted; a day's counters are kept one day longer."""

IS = Fragment("is", {"SCHEMA": SCHEMA})
TYPES = Fragment("types")
WHOLE = Fragment("whole")
STARTS = Fragment("starts", {"TAG_DIGITS": TAG_DIGITS})
LIMITS = Fragment("limits", {"WINDOW_S": WINDOW_S})
ACCOUNT = Fragment(
    "account",
    {"FIELD_BYTES": FIELD_BYTES, "ITEM_BYTES": ITEM_BYTES, "MAX_SETTLED": MAX_SETTLED},
)
NEWCOMERS = Fragment("newcomers")
LOST = Fragment("lost")
BUSY = Fragment("busy")
KEEP = Fragment("keep")
NAMESPACES = Fragment("namespaces", {"NAMESPACE_DIGITS": NAMESPACE_DIGITS})
LIST = Fragment("list")
NUMBERS = Fragment("numbers")
INDEX = Fragment("index", {"CHUNK_BYTES": CHUNK_BYTES})
SCORE = Fragment(
    "score",
    {
        "MAX_READ_BYTES": MAX_READ_BYTES,
        "BM25_K1": MEASURE.k1,
        "BM25_B": MEASURE.b,
        "COVERAGE": MEASURE.coverage,
        "BEFORE_SHARE": MEASURE.before,
        "AFTER_SHARE": MEASURE.after,
    },
)
SEARCH = Fragment("search")
MEMORY_INDEX = Fragment("memory_index", {"IN_BUCKET": IN_BUCKET})
MEMORY_ROWS = Fragment(
    "memory_rows",
    {
        "MODEL_DIGITS": MODEL_DIGITS,
        "SIGNATURE_DIGITS": SIGNATURE_BITS // 4,
        "SIGNATURE_CHARACTERS": SIGNATURE_BITS // 6,
        "SKETCH_CHARACTERS": SKETCH_BITS // 6,
    },
)
MEMORIES = Fragment("memories", {"MEMORY_BYTES": MEMORY_BYTES, "FEW": FEW, "PORTION": PORTION})
MESSAGES = Fragment("messages")
FORGETTING = Fragment("forgetting")
FOLDED = Fragment("folded")
COUNT_ALL = Fragment("count_all", {"COUNTED_S": (DAYS + 1) * DAY_S})
SUMMARY = Fragment("summary")
