"""The Lua scripts of an owner's account, and what the scripts that store something share of it.

An account has a mark, which says that the owner was erased, and counts what Redis keeps of the
owner: in bytes, for each conversation and for the memories.
"""

from chat.core.limits import WINDOW_S
from chat.redis.fragments import make_script

FIELD_BYTES, ITEM_BYTES = 64, 16
"""What Redis keeps about with a field of a hash, and with an element of a list."""
CONVERSATION_BYTES = 600
"""The same with the keys of a conversation, and its head."""
MOST_SETTLED = 1000
"""Conversations that one script counts as expired: some milliseconds of Redis."""

ACCOUNT = f"""
local grown, account, mark, usage, ends, listed = 0

local function open_account(text)
  if text == '' then return end
  account = cjson.decode(text)
  mark, usage, ends, listed = KEYS[#KEYS - 3], KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
end

local function begun()
  local word, ending = string.match(redis.call('GET', mark) or '', '^(%x*) ?(%d*)$')
  local is_running = ending ~= '' and tonumber(ending or 0) > tonumber(redis.call('TIME')[1])
  if word and not is_running then return word end
end

local function erased()
  if account and type(account.word) == 'string' and begun() ~= account.word then
    return redis.error_reply('CHATERASED the owner was erased')
  end
end

local function put(key, field, value, before)
  before = before or redis.call('HSTRLEN', key, field)
  if redis.call('HSET', key, field, value) == 1 then before = -#field - {FIELD_BYTES} end
  grown = grown + #tostring(value) - before
end

local function take(key, field)
  local before = redis.call('HSTRLEN', key, field)
  if redis.call('HDEL', key, field) == 1 then grown = grown - before - #field - {FIELD_BYTES} end
end

local function push(key, item)
  redis.call('RPUSH', key, item)
  grown = grown + #item + {ITEM_BYTES}
end

local function live(key, before, left)
  if left < 0 or before == -1 then
    redis.call('PERSIST', key)
  elseif before < left then
    redis.call('PEXPIRE', key, left)
  end
end

local function charge(field, left)
  if account then
    local before, lives = tonumber(redis.call('HGET', usage, field) or 0), redis.call('PTTL', usage)
    local after = math.max(0, before + grown)
    redis.call('HSET', usage, field, string.format('%.0f', after))
    redis.call('HINCRBY', usage, ' total', string.format('%.0f', after - before))
    live(usage, lives, left)
  end
  grown = 0
end

local function charge_conversation(id, key)
  local left = redis.call('PTTL', key)
  charge(id, left)
  if not account then return end
  if left < 0 then
    redis.call('ZREM', ends, id)
  else
    local now, lives = redis.call('TIME'), redis.call('PTTL', ends)
    local at = now[1] * 1000 + math.floor(now[2] / 1000) + left
    redis.call('ZADD', ends, string.format('%.0f', at), id)
    live(ends, lives, left)
  end
end

local function drop(field)
  if not account then return end
  local bytes = redis.call('HGET', usage, field)
  redis.call('ZREM', ends, field)
  if not bytes then return end
  redis.call('HDEL', usage, field)
  redis.call('HINCRBY', usage, ' total', string.format('%.0f', 0 - bytes))
  if redis.call('HLEN', usage) == 1 then redis.call('DEL', usage, ends) end
end

local function full(adds)
  if not account then return end
  local now = redis.call('TIME')
  local at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
  local expired = redis.call('ZRANGEBYSCORE', ends, '-inf', at, 'LIMIT', 0, {MOST_SETTLED})
  for _, id in ipairs(expired) do
    drop(id)
    redis.call('ZREM', listed, id)
  end
  local most, has = account.bytes, tonumber(redis.call('HGET', usage, ' total') or 0)
  if most > 0 and has >= most then
    return redis.error_reply(string.format('CHATFULL bytes %.0f', most))
  end
  most = account.conversations
  if adds == 'conversation' and most > 0 and redis.call('ZCARD', listed) >= most then
    return redis.error_reply(string.format('CHATFULL conversations %.0f', most))
  end
end
"""
"""Count what is stored of an owner. It stands before `INDEX` and `MEMORIES`.

The account's keys are the last four: mark, usage, ends, the owner's list. Its text is JSON; where
that is '', as what is changed is nobody's, nothing is counted. `word` is that of the mark when the
request began, null if that does not matter; `conversations` and `bytes` are the most that there may
be, 0 for any.

The mark is a random word for each erasure, and behind it until when it runs, while it does. The
usage has bytes for each conversation's id, for ` memories` and in ` total`; what has expired is
taken out of it by `ends`, which has their moments in ms, before it is looked at. `grown` is what a
script added, and was not charged yet.
"""

NEWCOMERS = f"""
local function newcomer(now)
  if not account or account.newcomers == 0
      or redis.call('EXISTS', KEYS[#KEYS - 4], usage, listed) > 0 then
    return
  end
  local wait = window(KEYS[#KEYS - 5], account.newcomers, now)
  if wait > 0 then
    return redis.error_reply('CHATLIMITED newcomers ' .. account.newcomers .. ' ' .. wait)
  end
  count(KEYS[#KEYS - 5], account.newcomers, now)
  redis.call('SET', KEYS[#KEYS - 4], '', 'EX', {WINDOW_S + 1})
end
"""
"""Count an owner that nobody saw before, or say that there were too many. Behind `LIMITS`.

Before the account's own keys are two: the newcomers of a client's address by the second, and what
says that an owner was seen a moment ago.
"""

LIMITS = f"""
local function window(key, limit, now)
  if limit == 0 then return 0, 0, 0 end
  local seconds, total = {{}}, 0
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local second = tonumber(flat[i])
    if second >= now - {WINDOW_S} then
      seconds[#seconds + 1] = {{second, tonumber(flat[i + 1])}}
      total = total + flat[i + 1]
    end
  end
  table.sort(seconds, function(a, b) return a[1] < b[1] end)
  local reset = (seconds[1] and seconds[1][1] or now) + {WINDOW_S + 1} - now
  local left, wait = limit - total, 0
  for _, bucket in ipairs(seconds) do
    if total < limit then break end
    total, wait = total - bucket[2], bucket[1] + {WINDOW_S + 1} - now
  end
  return wait, left, reset
end

local function count(key, limit, now)
  if limit == 0 then return end
  redis.call('HINCRBY', key, now, 1)
  for _, second in ipairs(redis.call('HKEYS', key)) do
    if tonumber(second) < now - {WINDOW_S} then redis.call('HDEL', key, second) end
  end
  redis.call('EXPIRE', key, {WINDOW_S + 1})
end

local function limited(mine, everybody, most, most_of_all, now)
  local wait, left, reset = window(mine, most, now)
  if wait > 0 then return 'CHATLIMITED caller ' .. most .. ' ' .. wait end
  local wait_of_all = window(everybody, most_of_all, now)
  if wait_of_all > 0 then return 'CHATLIMITED everybody ' .. most_of_all .. ' ' .. wait_of_all end
  return nil, left - 1, reset
end
"""
"""A sliding window: how many turns there were in each of the last seconds.

A second counts until all of it is a minute ago, so that no minute has more turns than the limit.
A limit of 0 is none.
"""

COUNT_CREDENTIAL = make_script(
    LIMITS,
    """
local now, most = redis.call('TIME')[1], tonumber(ARGV[1])
local wait = window(KEYS[1], most, now)
if wait > 0 then return redis.error_reply('CHATLIMITED newcomers ' .. most .. ' ' .. wait) end
count(KEYS[1], most, now)
return 1
""",
)
"""Count a new credential. KEYS: those of a client's address by the second. ARGV: the limit."""

SPEND = make_script(
    f"""
local most, size, time = tonumber(ARGV[1]), tonumber(ARGV[2]), redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%-?%d+) (%d+)$')
left = math.min(most, (tonumber(left) or most) + (now - (tonumber(at) or now)) * most
  / {WINDOW_S * 1000})
if left <= 0 then
  local wait = math.floor(-left * {WINDOW_S} / most) + 1
  return redis.error_reply(string.format('CHATLIMITED imports %.0f %.0f', most, wait))
end
left = left - size
local lifetime = math.ceil((most - left) * {WINDOW_S * 1000} / most)
redis.call('SET', KEYS[1], string.format('%.0f %.0f', left, now), 'PX', math.max(1, lifetime))
return 1
"""
)
"""Take the bytes of an import out of a bucket, which may have less than nothing afterwards.

A full one has what a minute may have, and as much flows into it.
KEYS: the bucket. ARGV: the limit, the bytes.
"""

BEGIN_ERASURE = make_script(
    """
local ending = redis.call('TIME')[1] + ARGV[2]
redis.call('SET', KEYS[1], string.format('%s %.0f', ARGV[1], ending), 'EX', ARGV[3])
return 1
"""
)
"""Mark an owner. KEYS: the mark. ARGV: a word, seconds it may run, seconds the mark stays."""

END_ERASURE = make_script(
    """
if string.match(redis.call('GET', KEYS[1]) or '', '^%x*') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
end
return 1
"""
)
"""Say that an erasure runs no more, if no later one does. KEYS: the mark. ARGV: its word."""

READ_MARK = make_script(
    ACCOUNT,
    """
open_account(ARGV[1])
return begun() or redis.error_reply('CHATERASED the owner is being erased')
""",
)
"""Give the word of the mark. KEYS: those of the account. ARGV: its text."""

CHECK_MARK = make_script(ACCOUNT, "open_account(ARGV[1]) return erased() or 1")
"""Say whether the owner was erased since the word was read. KEYS, ARGV: as above."""
