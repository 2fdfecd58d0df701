"""What the Lua scripts share: each is atomic, one round trip, and checks before its first write.

Errors of our own start with a code that the host passes on as it is: `CHATUNKNOWN`, `CHATBUSY`,
`CHATCORRUPT`, `CHATLOST`, `CHATTAKEN`, `CHATLIMITED`, `CHATREUSED`, `CHATNOMEMORY`,
`CHATREMEMBERED`, `CHATERASED`, `CHATFULL`, `CHATNOPIN`.
"""

import hashlib
from dataclasses import dataclass

IS = """
local function is(key, kind)
  local found = redis.call('TYPE', key).ok
  return found == kind or found == 'none'
end
"""
TYPES = f"""
{IS}
if not (is(KEYS[1], 'hash') and is(KEYS[2], 'list') and is(KEYS[3], 'list')
    and is(KEYS[4], 'hash') and is(KEYS[5], 'string') and is(KEYS[6], 'hash')
    and is(KEYS[7], 'hash')) then
  return redis.error_reply('CHATCORRUPT a key has another type')
end
"""
"""KEYS: conversation, turns, archive, done, lock, embeddings, index."""

WHOLE = """
local function lost_turns()
  local head = redis.call('HMGET', KEYS[1], 'turn_count', 'kept')
  local last, window, archived = string.match(head[2] or '', '^(%d+):(%d+):(%d+)$')
  if last and last == head[1] and (redis.call('LLEN', KEYS[2]) ~= tonumber(window)
      or redis.call('LLEN', KEYS[3]) ~= tonumber(archived)) then
    return redis.error_reply('CHATLOST ' .. last)
  end
end

local function kept(last)
  return string.format('%d:%d:%d', last, redis.call('LLEN', KEYS[2]), redis.call('LLEN', KEYS[3]))
end
"""
"""Say whether a list of turns is not as it was left: Redis may have evicted the whole of it.

The head's `kept` has the number of the last turn, and how many there are in window and archive.
With another number of the last turn it was left by a component that does not note it, and nothing
is known.
"""

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

CHUNK_BYTES = 480
"""The most that is written again to note a term's next turn."""

INDEX = f"""
local function number_of(turn) return tonumber(string.match(turn, '^{{"n":(%d+)')) or 0 end

local function chunks_of(term)
  local head = redis.call('HGET', KEYS[7], term)
  if not head then return 0, 0, '', 0 end
  local low, high, newest = string.match(head, '^(%d+),(%d+)|(.*)$')
  return tonumber(low), tonumber(high), newest, #head
end

local function postings_of(term)
  local low, high, newest = chunks_of(term)
  local parts = {{}}
  for chunk = low, high - 1 do
    parts[#parts + 1] = redis.call('HGET', KEYS[7], term .. ' ' .. chunk) or ''
  end
  return table.concat(parts) .. newest
end

local function forget_terms(number, terms, length)
  local own = ';' .. number .. ':%d+:%d+;'
  for term in pairs(terms) do
    local low, high, newest = chunks_of(term)
    for chunk = low, high - 1 do
      local field = term .. ' ' .. chunk
      local rest = string.gsub(';' .. (redis.call('HGET', KEYS[7], field) or ''), own, ';', 1)
      put(KEYS[7], field, string.sub(rest, 2))
    end
    local rest = string.sub(string.gsub(';' .. newest, own, ';', 1), 2)
    if low == high and rest == '' then
      take(KEYS[7], term)
    else
      put(KEYS[7], term, low .. ',' .. high .. '|' .. rest)
    end
  end
  redis.call('HINCRBY', KEYS[7], ' count', -1)
  redis.call('HINCRBY', KEYS[7], ' terms', -length)
end

local function index_terms(number, terms, length)
  local oldest = redis.call('LINDEX', KEYS[3], 0)
  local first = oldest and number_of(oldest) or 0
  for term, times in pairs(terms) do
    local low, high, newest, before = chunks_of(term)
    if #newest > {CHUNK_BYTES} then
      put(KEYS[7], term .. ' ' .. high, newest, 0)
      high, newest = high + 1, ''
    end
    local field = term .. ' ' .. low
    local chunk = low < high and redis.call('HGET', KEYS[7], field)
    local eldest = chunk and string.match(chunk, '(%d+):%d+:%d+;$')
    if eldest and tonumber(eldest) < first then
      take(KEYS[7], field)
      low = low + 1
    end
    local posting = number .. ':' .. times .. ':' .. length .. ';'
    put(KEYS[7], term, low .. ',' .. high .. '|' .. newest .. posting, before)
  end
  redis.call('HINCRBY', KEYS[7], ' count', 1)
  redis.call('HINCRBY', KEYS[7], ' terms', length)
end
"""
"""The index of evicted turns by term. Behind `ACCOUNT`.

A term's postings are `number:times:length;` each, where `length` is how many terms the turn has.
They are in chunks, `term 0`, `term 1` and so on; `term` has the numbers of the oldest chunk and of
the newest, and the newest itself. ` count` and ` terms`, which no term is, have the sums over all
turns. A chunk that has left the archive goes when its term comes again.
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
