"""The Lua scripts that read and change a conversation, each atomic and one round trip.

Errors of our own start with a code that the host passes on as it is: `CHATUNKNOWN`, `CHATBUSY`,
`CHATCORRUPT`. A script checks everything before its first write.
"""

import hashlib
from dataclasses import dataclass

TYPES = """
local function is(key, kind)
  local found = redis.call('TYPE', key).ok
  return found == kind or found == 'none'
end
if not (is(KEYS[1], 'hash') and is(KEYS[2], 'list')
    and is(KEYS[3], 'list') and is(KEYS[4], 'string')) then
  return redis.error_reply('CHATCORRUPT a key has another type')
end
"""
"""KEYS: conversation, turns, archive, lock."""


@dataclass(frozen=True)
class Script:
    """A script's text and the name by which Redis knows it."""

    text: str
    sha1: str


def make_script(text: str) -> Script:
    """Name a script as Redis does."""
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


LOAD = make_script(
    TYPES
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
if not redis.call('SET', KEYS[4], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return redis.error_reply('CHATBUSY a turn is running')
end
local head = redis.call('HMGET', KEYS[1], 'context', 'context_tokens', 'turn_count', 'active_at')
local turns = redis.call('LRANGE', KEYS[2], 0, -1)
return {head[1], head[2], head[3], head[4], '[' .. table.concat(turns, ',') .. ']'}
"""
)
"""Lock and load. ARGV: fencing value, lock's lifetime in ms.

Gives the context, its tokens, the turn count, the time of the last turn, and the turns as one JSON
list: one value to move and to parse, where the host would move each turn by itself.
"""

KEEP = """
local function keep(lifetime)
  local now = redis.call('TIME')
  local ends = string.format('%.0f', (now[1] + lifetime) * 1000 + math.floor(now[2] / 1000))
  for _, key in ipairs(KEYS) do
    if lifetime == '0' then redis.call('PERSIST', key) else redis.call('PEXPIREAT', key, ends) end
  end
end
"""
"""Keep all keys for a lifetime in seconds, 0 for ever.

They get one moment by name: `EXPIRE` reads the clock for each key, and keys then end apart.
"""

COMMIT = make_script(
    TYPES
    + KEEP
    + """
local count = redis.call('HGET', KEYS[1], 'turn_count')
if not count then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local holder = redis.call('GET', KEYS[4])
if count ~= ARGV[2] or (holder and holder ~= ARGV[1]) then
  return redis.error_reply('CHATBUSY another turn came between')
end
redis.call('RPUSH', KEYS[2], ARGV[3])
for _ = 1, tonumber(ARGV[6]) do
  local turn = redis.call('LPOP', KEYS[2])
  if not turn then break end
  redis.call('RPUSH', KEYS[3], turn)
end
local kept = tonumber(ARGV[7])
if kept > 0 then redis.call('LTRIM', KEYS[3], -kept, -1) end
redis.call('HSET', KEYS[1], 'turn_count', count + 1, 'context_tokens', ARGV[4],
  'active_at', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'evicted_count', ARGV[6])
redis.call('DEL', KEYS[4])
keep(ARGV[8])
return 1
"""
)
"""Append a turn and unlock.

ARGV: fencing value, turn count as loaded, turn, context tokens, time, evicted count, archive's cap,
lifetime.
A lock that has run out does not matter as long as no other turn came between. The first write is
one that Redis refuses when it is out of memory; after it, a script is let finish.
"""

CREATE = make_script(
    KEEP
    + """
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
  return redis.error_reply('CHATCORRUPT the id is taken')
end
redis.call('HSET', KEYS[1], 'context', ARGV[1], 'context_tokens', ARGV[2], 'created_at', ARGV[4],
  'active_at', ARGV[4], 'turn_count', 1, 'evicted_count', 0)
redis.call('RPUSH', KEYS[2], ARGV[3])
keep(ARGV[5])
return 1
"""
)
"""Store a conversation with its first turn.

KEYS: conversation, turns. ARGV: context, its tokens, turn, time, lifetime.
"""

RELEASE = make_script(
    """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
)
"""Unlock if the lock is still ours. KEYS: lock. ARGV: fencing value."""
