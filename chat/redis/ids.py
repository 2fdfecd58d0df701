"""Gives conversations their ids: a counter in Redis, put right where it was lost."""

from chat.redis.connection import Redis, as_bytes, as_int
from chat.redis.fragments import make_script
from chat.redis.keys import next_id_key

SCAN_COUNT, SCANS = 1000, 10
"""Keys that one step of a scan looks at, and steps of one script: some milliseconds of Redis."""
MOST_SCRIPTS = 1000
"""Ten million keys: some seconds. In a Redis with more, ids go on from the seconds since 1970."""
BEGIN = b"0"
"""The cursor with which a scan begins, and that it gives at its end."""
ID_DIGITS = 15
"""An id of more digits is none of ours: a script counts exactly up to 2^53."""

NEXT_ID = make_script(
    """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('INCR', KEYS[1])
"""
)
"""Count up; 0 if there is no counter, which is so before the first conversation too.

KEYS: the counter.
"""

HIGHEST_ID = make_script(
    f"""
local cursor, highest = ARGV[1], 0
for _ = 1, {SCANS} do
  local found = redis.call('SCAN', cursor, 'MATCH', ARGV[2], 'COUNT', {SCAN_COUNT})
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    local id = string.match(key, '^[^}}]*}}:(%d+)')
    if id and #id <= {ID_DIGITS} then highest = math.max(highest, tonumber(id)) end
  end
  if cursor == '0' then break end
end
return {{cursor, string.format('%.0f', highest)}}
"""
)
"""Look for the highest id in a part of a scan, and say where to go on.

ARGV: the scan's cursor, and what the keys of conversations match.
"""

RAISE_ID = make_script(
    """
local last, least = tonumber(redis.call('GET', KEYS[1]) or -1), tonumber(ARGV[1])
if ARGV[2] == '' then least = math.max(least, tonumber(redis.call('TIME')[1])) end
if not last or last < least then redis.call('SET', KEYS[1], string.format('%.0f', least)) end
return 1
"""
)
"""Let the counter go on behind an id, if it is not there yet.

KEYS: the counter. ARGV: the id, and '1' if no higher one can be there.
"""


class RedisIds:
    """The counter. Every method may raise StoreUnavailable."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._key = next_id_key(prefix)

    def next(self) -> int:
        """Take the next id, in one round trip; in more where the counter is not there."""
        taken = self._count_up()
        if taken == 0:
            self.mend(0)
            taken = self._count_up()
        return taken

    def _count_up(self) -> int:
        return as_int(self._redis.run(NEXT_ID, [self._key], [])[0])

    def last(self) -> int:
        """Return the id that was taken last; 0 if none was."""
        return int(self._redis.get("GET", [self._key]) or b"0")

    def mend(self, least: int) -> None:
        """Let ids go on behind `least` and all that are there: the counter was lost, or set back.

        Several requests may do so at once: the counter only ever goes up.
        """
        highest, is_certain = self._highest()
        arguments = [max(least, highest), "1" if is_certain else ""]
        self._redis.run(RAISE_ID, [self._key], arguments)

    def _highest(self) -> tuple[int, bool]:
        """Return the highest id found, and whether all keys were looked at."""
        cursor, highest = BEGIN, 0
        for _ in range(MOST_SCRIPTS):
            reply = self._redis.run(HIGHEST_ID, [], [cursor, f"{self._prefix}:{{*}}:[0-9]*"])
            cursor, found = map(as_bytes, reply)
            highest = max(highest, int(found))
            if cursor == BEGIN:
                return highest, True
        return highest, False
