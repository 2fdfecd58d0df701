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
    and is(KEYS[4], 'hash') and is(KEYS[5], 'string') and is(KEYS[6], 'hash')
    and is(KEYS[7], 'hash')) then
  return redis.error_reply('CHATCORRUPT a key has another type')
end
"""
"""KEYS: conversation, turns, archive, done, lock, embeddings, index."""

KEEP = """
local function keep(lifetime)
  local now = redis.call('TIME')
  local ends = string.format('%.0f', (now[1] + lifetime) * 1000 + math.floor(now[2] / 1000))
  for place = 1, 7 do
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

INDEX = """
local function number_of(turn) return tonumber(string.match(turn, '^{"n":(%d+)')) or 0 end

local function forget_terms(number, terms, length)
  for term in pairs(terms) do
    local postings = redis.call('HGET', KEYS[7], term)
    if postings then
      local rest = string.gsub(';' .. postings, ';' .. number .. ':%d+:%d+;', ';', 1)
      if rest == ';' then
        redis.call('HDEL', KEYS[7], term)
      else
        redis.call('HSET', KEYS[7], term, string.sub(rest, 2))
      end
    end
  end
  redis.call('HINCRBY', KEYS[1], 'indexed_count', -1)
  redis.call('HINCRBY', KEYS[1], 'indexed_terms', -length)
end

local function index_terms(number, terms, length)
  local oldest = redis.call('LINDEX', KEYS[3], 0)
  local first = oldest and number_of(oldest) or 0
  for term, times in pairs(terms) do
    local postings = redis.call('HGET', KEYS[7], term) or ''
    while postings ~= '' and tonumber(string.match(postings, '^%d+')) < first do
      postings = string.gsub(postings, '^[^;]*;', '', 1)
    end
    local posting = number .. ':' .. times .. ':' .. length .. ';'
    redis.call('HSET', KEYS[7], term, postings .. posting)
  end
  redis.call('HINCRBY', KEYS[1], 'indexed_count', 1)
  redis.call('HINCRBY', KEYS[1], 'indexed_terms', length)
end
"""
"""The index of evicted turns by term.

A term's postings are one string of `number:times:length;`, where `length` is how many terms the
turn has. What has left the archive goes from the front of them when a term comes again.
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
