"""The Lua scripts of an owner's memories, and what the scripts of a conversation share of them."""

from chat.core.vectors import SIGNATURE_BITS
from chat.redis.account_scripts import ACCOUNT
from chat.redis.fragments import IS, make_script

MEMORY_BYTES = 300
"""What Redis keeps about with a memory, beside what it says and its embedding."""

LENGTH = f"""
local function other_length(base, memories)
  local newest = redis.call('ZREVRANGE', KEYS[base + 1], 0, 0)[1]
  local before = newest and redis.call('HGET', KEYS[base + 4], newest) or ''
  if before == '' then return end
  local function tag(signature) return string.sub(signature, 1, -{SIGNATURE_BITS // 4 + 1}) end
  local function digits(embedding) return #string.gsub(embedding, '=+$', '') end
  local made_by = tag(redis.call('HGET', KEYS[base + 3], newest) or '')
  for _, memory in ipairs(memories) do
    local signature, embedding = memory[5], memory[6]
    if embedding ~= '' and tag(signature) == made_by and digits(embedding) ~= digits(before) then
      return redis.error_reply('CHATLENGTH an embedding is longer or shorter than before')
    end
  end
end
"""
"""Refuse embeddings that do not compare with that of the newest memory, if one model made both."""

MEMORIES = (
    LENGTH
    + f"""
local function corrupt_memories(base)
  if not (is(KEYS[base], 'hash') and is(KEYS[base + 1], 'zset') and is(KEYS[base + 2], 'hash')
      and is(KEYS[base + 3], 'hash') and is(KEYS[base + 4], 'hash')
      and is(KEYS[base + 5], 'string')) then
    return redis.error_reply('CHATCORRUPT a key of the memories has another type')
  end
end

local function refused(base, memories)
  return corrupt_memories(base) or other_length(base, memories)
end

local function forget_memory(base, id)
  local record = redis.call('HGET', KEYS[base], id)
  if not record then return 0 end
  local text = cjson.decode(record).text
  if redis.call('HGET', KEYS[base + 2], text) == id then
    redis.call('HDEL', KEYS[base + 2], text)
  end
  take(KEYS[base], id)
  redis.call('ZREM', KEYS[base + 1], id)
  take(KEYS[base + 3], id)
  take(KEYS[base + 4], id)
  grown = grown - {MEMORY_BYTES}
  redis.call('DEL', KEYS[base + 5])
  return 1
end

local function forget_beginning(base, beginning)
  local forgotten = 0
  for _, id in ipairs(redis.call('HKEYS', KEYS[base])) do
    if string.sub(id, 1, #beginning) == beginning then
      forgotten = forgotten + forget_memory(base, id)
    end
  end
  return forgotten
end

local function make_room(base, most)
  local over = redis.call('ZCARD', KEYS[base + 1]) - most
  if most == 0 or over <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGE', KEYS[base + 1], 0, -1)) do
    if over == 0 then return end
    if not cjson.decode(redis.call('HGET', KEYS[base], id) or '{{}}').pinned then
      over = over - forget_memory(base, id)
    end
  end
end

local function remember(base, memories, most)
  local ids, has_rows = {{}}, redis.call('EXISTS', KEYS[base + 5]) == 1
  for place, memory in ipairs(memories) do
    local id, at, text, record, signature, embedding = unpack(memory)
    if redis.call('HEXISTS', KEYS[base], id) == 1 then
      text = cjson.decode(redis.call('HGET', KEYS[base], id)).text
    elseif redis.call('HSETNX', KEYS[base + 2], text, id) == 1 then
      put(KEYS[base], id, record)
      redis.call('ZADD', KEYS[base + 1], at, id)
      put(KEYS[base + 3], id, signature)
      put(KEYS[base + 4], id, embedding)
      grown = grown + {MEMORY_BYTES}
      if has_rows then redis.call('APPEND', KEYS[base + 5], ' ' .. id .. ' ' .. signature) end
    end
    ids[place] = redis.call('HGET', KEYS[base + 2], text)
  end
  make_room(base, most)
  return ids
end
"""
)
"""Behind `ACCOUNT`. KEYS from `base` on: memories, times, texts, signatures, embeddings, rows.

The rows are all ids and signatures in one string, made by a search and kept until one goes away: to
put ten thousand together takes Redis twenty milliseconds, and to give them as they are, one or two.

A memory to be remembered is id, time, digest of the text, record, signature and embedding. One that
says the same as another, word for word, is not; nor is one whose id is taken, which was restated
since. The oldest that are not pinned make room.
"""

REMEMBER = make_script(
    IS,
    ACCOUNT,
    MEMORIES,
    """
open_account(ARGV[3])
local memories = cjson.decode(ARGV[1])
local refusal = erased() or full() or refused(1, memories)
if refusal then return refusal end
local ids = remember(1, memories, tonumber(ARGV[2]))
charge(' memories', -1)
return ids
""",
)
"""Remember, and give the ids.

KEYS: those of the memories and of the account. ARGV: memories, the most, the account.
"""

RESTATE = make_script(
    IS,
    ACCOUNT,
    MEMORIES,
    """
open_account(ARGV[2])
local memory = cjson.decode(ARGV[1])
local id, _, text, record, signature, embedding = unpack(memory)
local refusal = erased() or refused(1, {memory})
if refusal then return refusal end
local before = redis.call('HGET', KEYS[1], id)
if not before then return redis.error_reply('CHATNOMEMORY no such memory') end
local holder = redis.call('HGET', KEYS[3], text)
if holder and holder ~= id then return redis.error_reply('CHATREMEMBERED already') end
put(KEYS[1], id, record)
redis.call('HDEL', KEYS[3], cjson.decode(before).text)
redis.call('HSET', KEYS[3], text, id)
if signature ~= '' then
  put(KEYS[4], id, signature)
  put(KEYS[5], id, embedding)
  redis.call('DEL', KEYS[6])
end
charge(' memories', -1)
return 1
""",
)
"""Put a memory in the place of the one with its id. KEYS: as above. ARGV: the memory, the account.

Where its signature is '', its text is as it was, and so are signature and embedding.
"""

FORGET_MEMORY = make_script(
    IS,
    ACCOUNT,
    MEMORIES,
    """
open_account(ARGV[2])
if ARGV[1] == '' then
  drop(' memories')
  local count = redis.call('HLEN', KEYS[1])
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
  return count
end
if forget_memory(1, ARGV[1]) == 0 then return redis.error_reply('CHATNOMEMORY no such memory') end
charge(' memories', -1)
return 1
""",
)
"""Forget one memory, or all, and say how many.

KEYS: as above. ARGV: an id, or '' for all; the account.
"""

SIGNATURES = make_script(
    """
local rows = redis.call('GET', KEYS[2])
if not rows then
  rows = table.concat(redis.call('HGETALL', KEYS[1]), ' ')
  if rows ~= '' then redis.call('SET', KEYS[2], rows) end
end
return redis.status_reply(rows)
"""
)
"""Give ids and signatures in turn. KEYS: signatures, rows.

It is a status, which is a string to the guest, and copied whole.
"""

CANDIDATES = make_script(
    """
local records, embeddings, bytes, looked_at = {}, {}, 0, 0
for place = 2, #ARGV do
  local id = ARGV[place]
  local record, embedding = redis.call('HGET', KEYS[1], id), redis.call('HGET', KEYS[2], id)
  if record and embedding then
    bytes = bytes + #record + #embedding
    if bytes > tonumber(ARGV[1]) and #records > 0 then break end
    records[#records + 1] = record
    embeddings[#embeddings + 1] = embedding
  end
  looked_at = looked_at + 1
end
return {redis.status_reply('[' .. table.concat(records, ',') .. ']'),
  redis.status_reply(table.concat(embeddings, ' ')), looked_at}
"""
)
"""Give records as one JSON list, embeddings, and how many ids were looked at for them.

KEYS: memories, embeddings. ARGV: the most bytes of more than one, ids.
"""

MEMORIES_PAGE = make_script(
    """
local ids, offset, limit = {}, 0, tonumber(ARGV[3])
local last = ARGV[1] ~= '+inf' and tonumber(ARGV[1])
repeat
  local flat = redis.call('ZREVRANGEBYSCORE', KEYS[2], ARGV[1], '-inf', 'WITHSCORES',
    'LIMIT', offset, limit)
  for place = 1, #flat, 2 do
    local is_after = tonumber(flat[place + 1]) ~= last or flat[place] < ARGV[2]
    if is_after and #ids < limit then ids[#ids + 1] = flat[place] end
  end
  offset = offset + limit
until #ids == limit or #flat < limit * 2
local records, bytes, is_cut = {}, 0, 0
for _, id in ipairs(ids) do
  local record = redis.call('HGET', KEYS[1], id) or ''
  bytes = bytes + #record
  if bytes > tonumber(ARGV[4]) and #records > 0 then
    is_cut = 1
    break
  end
  if record ~= '' then records[#records + 1] = record end
end
return {redis.status_reply('[' .. table.concat(records, ',') .. ']'), is_cut}
"""
)
"""Give the records of a page, newest first, as one JSON list, and 1 if it ends for its bytes.

KEYS: memories, times. ARGV: the time and the id of the last one before, '+inf' and '' at first, how
many, and the most bytes of more than one. Those of one moment come by id, as text, from the last.
"""
