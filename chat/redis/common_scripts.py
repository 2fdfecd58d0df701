"""The Lua scripts for what spans owners, which has a slot of its own in a cluster."""

from chat.redis.fragments import COUNT_ALL, LIMITS, STARTS
from chat.redis.keys import STATS_NAMES
from chat.redis.script import make_script, repeatable
from chat.redis.scripts import PROFILE_S, RATES, STARTED_S

JOIN = repeatable(
    make_script(
        "join",
        [STARTS, LIMITS],
        keys=[*RATES, "started", "newcomers", "profile"],
        args=["limit", "limit_of_all", "limit_of_new", "body", "running", "running_ms"],
    )
)
LEAVE = make_script("leave", keys=["rate"])
BEGIN_START = repeatable(
    make_script(
        "begin_start",
        keys=["started"],
        args=["running", "started"],
        constants={"STARTED_S": STARTED_S},
    )
)
TELL = make_script(
    "tell",
    [COUNT_ALL],
    keys=[*STATS_NAMES, "profile"],
    args=["counters", "profile"],
    constants={"PROFILE_S": PROFILE_S},
)
