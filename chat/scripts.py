"""What the Lua scripts share: each is atomic, one round trip, and checks before its first write.

Errors of our own start with a code that the host passes on as it is: `CHATUNKNOWN`, `CHATBUSY`,
`CHATCORRUPT`, `CHATLIMITED`, `CHATREUSED`. See `chat.turn_scripts` and `chat.owner_scripts`.
"""

import hashlib
from dataclasses import dataclass

TYPES = """
local function is(key, kind)
  local found = redis.call('TYPE', key).ok
  return found == kind or found == 'none'
end
if not (is(KEYS[1], 'hash') and is(KEYS[2], 'list') and is(KEYS[3], 'list')
    and is(KEYS[4], 'hash') and is(KEYS[5], 'string') and is(KEYS[6], 'hash')) then
  return redis.error_reply('CHATCORRUPT a key has another type')
end
"""
"""KEYS: conversation, turns, archive, done, lock, embeddings."""

KEEP = """
local function keep(lifetime)
  local now = redis.call('TIME')
  local ends = string.format('%.0f', (now[1] + lifetime) * 1000 + math.floor(now[2] / 1000))
  for place = 1, 6 do
    if lifetime == '0' then
      redis.call('PERSIST', KEYS[place])
    else
      redis.call('PEXPIREAT', KEYS[place], ends)
    end
  end
end
"""
"""Keep all keys of a conversation for a lifetime in seconds, 0 for ever.

They get one moment by name: `EXPIRE` reads the clock for each key, and keys then end apart.
"""

LIST = """
local function list(key, id, at, lifetime)
  local left = redis.call('PTTL', key)
  redis.call('ZADD', key, at, id)
  if lifetime == '0' or left == -1 then
    redis.call('PERSIST', key)
  elseif left < lifetime * 1000 then
    redis.call('EXPIRE', key, lifetime)
  end
end
"""
"""Note a conversation's activity in its owner's list, which lives as long as the last of them."""


@dataclass(frozen=True)
class Script:
    """A script's text and the name by which Redis knows it."""

    text: str
    sha1: str


def make_script(*parts: str) -> Script:
    """Put a script together, and name it as Redis does."""
    text = "".join(parts)
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
