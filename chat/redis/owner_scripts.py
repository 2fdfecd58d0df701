"""The Lua scripts with which an owner looks through conversations, changes and forgets them."""

from chat.redis.account_scripts import ACCOUNT, ITEM_BYTES
from chat.redis.fragments import INDEX, KEEP, TYPES, WHOLE, make_script
from chat.redis.memory_scripts import MEMORIES

SUMMARY = """
local function summary(key, id)
  local fields = redis.call('HMGET', key, 'context', 'title', 'created_at', 'active_at',
    'turn_count', 'evicted_count', 'pinned', 'window_tokens')
  if not fields[3] then return nil end
  local now, left = redis.call('TIME'), redis.call('PTTL', key)
  local ends = left < 0 and 0 or math.floor((now[1] * 1000 + now[2] / 1000 + left) / 1000)
  return {tostring(id), fields[1], fields[2] or '', fields[3], fields[4], fields[5], fields[6],
    fields[7] or '0', fields[8] or '0', string.format('%.0f', ends)}
end
"""

SUMMARISE = make_script(
    TYPES,
    WHOLE,
    SUMMARY,
    """
local found = summary(KEYS[1], ARGV[1])
if not found then return redis.error_reply('CHATUNKNOWN no such conversation') end
return ARGV[2] == '1' and lost_turns() or cjson.encode(found)
""",
)
"""Summarise a conversation. KEYS: those of a conversation. ARGV: id, '1' if it has to be whole."""

LIST_PAGE = make_script(
    ACCOUNT,
    SUMMARY,
    """
open_account(ARGV[5])
local found, offset, size = {}, 0, 100
local limit = tonumber(ARGV[4])
repeat
  local flat = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[2], '-inf', 'WITHSCORES',
    'LIMIT', offset, size)
  local gone = {}
  for i = 1, #flat, 2 do
    local id = flat[i]
    if flat[i + 1] ~= ARGV[2] or id < ARGV[3] then
      local one = summary(ARGV[1] .. id, id)
      if not one then
        gone[#gone + 1] = id
      else
        one[2], one[#one + 1] = '', flat[i + 1]
        found[#found + 1] = one
      end
    end
    if #found > limit then break end
  end
  for _, id in ipairs(gone) do
    redis.call('ZREM', KEYS[1], id)
    drop(id)
  end
  offset = offset + size - #gone
until #found > limit or #flat < size * 2
return #found == 0 and '[]' or cjson.encode(found)
""",
)
"""List an owner's conversations, newest activity first, and take the expired ones off the list.

KEYS: the owner's list, and those of the account. ARGV: what the keys of the owner's conversations
begin with, the score and the id of the last one that was given ('+inf' and '' at first), how many,
and the account; gives one more if
there is one, without their contexts. Conversations that were active at the same moment come by id,
as text, from the last.
"""

CLEAN_LIST = make_script(
    ACCOUNT,
    """
open_account(ARGV[2])
local removed = 0
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then return removed end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if redis.call('EXISTS', ARGV[1] .. id) == 0 then
    removed = removed + redis.call('ZREM', KEYS[1], id)
    drop(id)
  end
end
return removed
""",
)
"""Take the expired conversations off an owner's list, and say how many there were.

KEYS: the list, and those of the account. ARGV: what the keys of the owner's conversations begin
with, and the account.
"""

CLEAN_INDEX = make_script(
    ACCOUNT,
    INDEX,
    """
open_account(ARGV[2])
if redis.call('TYPE', KEYS[7]).ok ~= 'hash' or redis.call('TYPE', KEYS[3]).ok == 'string' then
  return 0
end
local oldest, removed = redis.call('LINDEX', KEYS[3], 0), 0
local first = oldest and number_of(oldest) or math.huge
local function count(postings) removed = removed + select(2, string.gsub(postings, ';', '')) end
for _, term in ipairs(redis.call('HKEYS', KEYS[7])) do
  if not string.find(term, ' ', 1, true) then
    local low, high, newest = chunks_of(term)
    while low < high do
      local field = term .. ' ' .. low
      local chunk = redis.call('HGET', KEYS[7], field) or ''
      local last = tonumber(string.match(chunk, '(%d+):%d+:%d+;$') or 0)
      if last >= first then break end
      count(chunk)
      take(KEYS[7], field)
      low = low + 1
    end
    if low == high then
      newest = string.gsub(newest, '(%d+):%d+:%d+;', function(number)
        if tonumber(number) >= first then return nil end
        removed = removed + 1
        return ''
      end)
    end
    if low == high and newest == '' then
      take(KEYS[7], term)
    else
      put(KEYS[7], term, low .. ',' .. high .. '|' .. newest)
    end
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then charge_conversation(ARGV[1], KEYS[1]) end
return removed
""",
)
"""Take turns that have left the archive out of the index, and say in how many places they stood.

KEYS: those of a conversation, and those of its owner's account where there is one. ARGV: id, and
the account. A chunk of which some turns are still there stays whole.
"""

BUSY = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local holder = redis.call('GET', KEYS[5])
if holder and holder ~= ARGV[1] then
  return redis.error_reply('CHATBUSY a turn is running')
end
local lost = lost_turns()
if lost then return lost end
"""
"""Refuse to change what is not there, whole and free. Behind `WHOLE`. ARGV[1]: fencing value."""

CHANGE = make_script(
    TYPES,
    WHOLE,
    ACCOUNT,
    BUSY,
    KEEP,
    """
open_account(ARGV[5])
for place = 6, #ARGV, 2 do
  if not KEYS[8] and ARGV[place] == 'pinned' and ARGV[place + 1] == '1' then
    return redis.error_reply('CHATNOPIN it belongs to nobody')
  end
end
for place = 6, #ARGV, 2 do put(KEYS[1], ARGV[place], ARGV[place + 1]) end
redis.call('HINCRBY', KEYS[1], 'window_tokens', ARGV[3])
if redis.call('HGET', KEYS[1], 'pinned') == '1' then
  keep('0')
  if KEYS[8] then redis.call('PERSIST', KEYS[8]) end
elseif ARGV[2] ~= '' then
  keep(ARGV[2])
end
charge_conversation(ARGV[4], KEYS[1])
return 1
""",
)
"""Change a conversation.

KEYS: those of a conversation, and the owner's list, memories and account where there is one. ARGV:
fencing value, lifetime to begin now or '', tokens to count as more in the window, id, account, then
fields and values. What is nobody's is not pinned.
"""

REPLACE = make_script(
    TYPES,
    WHOLE,
    ACCOUNT,
    BUSY,
    INDEX,
    MEMORIES,
    f"""
open_account(ARGV[9])
local list = KEYS[2]
local place = redis.call('LPOS', list, ARGV[3])
if not place then
  list = KEYS[3]
  place = redis.call('LPOS', list, ARGV[3])
end
if not place then return redis.error_reply('CHATBUSY the turn was changed meanwhile') end
if list == KEYS[3] then
  local before, after = cjson.decode(ARGV[5]), cjson.decode(ARGV[6])
  forget_terms(before[1], before[2], before[3])
  if ARGV[4] ~= '' then index_terms(after[1], after[2], after[3]) end
end
if ARGV[4] == '' then
  redis.call('LREM', list, 1, ARGV[3])
  grown = grown - #ARGV[3] - {ITEM_BYTES}
else
  redis.call('LSET', list, place, ARGV[4])
  grown = grown + #ARGV[4] - #ARGV[3]
end
redis.call('HSET', KEYS[1], 'kept', kept(redis.call('HGET', KEYS[1], 'turn_count')))
local flat = redis.call('HGETALL', KEYS[4])
for i = 1, #flat, 2 do
  if string.match(flat[i + 1], '^%x+:(%d+):') == ARGV[2] then take(KEYS[4], flat[i]) end
end
for _, field in ipairs(redis.call('HKEYS', KEYS[6])) do
  if string.match(field, ':(%d+)%.%d+$') == ARGV[2] then take(KEYS[6], field) end
end
charge_conversation(ARGV[8], KEYS[1])
if KEYS[9] and forget_memory(9, ARGV[7]) == 1 then charge(' memories', -1) end
return 1
""",
)
"""Put one turn in the place of another, or nothing, and forget what was kept for its repetition.

KEYS: those of a conversation, and the owner's list and those of its memories and its account where
there is one. ARGV: fencing value, the turn's number, the turn as it was and as it will be or '',
number, terms and length of both as JSON, the id of the memory that goes with it, that of the
conversation, and the account.
"""

LOAD_EMBEDDINGS = make_script(
    TYPES,
    """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local kept = {}
for place, name in ipairs(ARGV) do kept[place] = redis.call('HGET', KEYS[6], name) or '-' end
return redis.status_reply(table.concat(kept, ' '))
""",
)
"""Give embeddings by name, `-` for one that is not there. KEYS: those of a conversation.

They are one status, which is a string to the guest, and copied whole.
"""

KEEP_EMBEDDINGS = make_script(
    TYPES,
    ACCOUNT,
    """
open_account(ARGV[2])
local refusal = erased()
if refusal then return refusal end
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return redis.error_reply('CHATUNKNOWN no such conversation') end
for place = 3, #ARGV, 2 do put(KEYS[6], ARGV[place], ARGV[place + 1]) end
charge_conversation(ARGV[1], KEYS[1])
local ends = redis.call('TIME')
if left >= 0 then
  ends = string.format('%.0f', ends[1] * 1000 + math.floor(ends[2] / 1000) + left)
  redis.call('PEXPIREAT', KEYS[6], ends)
end
return 1
""",
)
"""Keep embeddings for as long as their conversation.

KEYS: those of it, and those of its owner's account where there is one. ARGV: id, account, fields
and values.
"""

FORGET = make_script(
    ACCOUNT,
    MEMORIES,
    """
open_account(ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local function length(key)
  return redis.call('TYPE', key).ok == 'list' and redis.call('LLEN', key) or 0
end
local window, archived, memories = length(KEYS[2]), length(KEYS[3]), 0
if KEYS[8] then
  memories = forget_beginning(9, ARGV[1] .. '.')
  if memories > 0 then charge(' memories', -1) end
  redis.call('ZREM', KEYS[8], ARGV[1])
  drop(ARGV[1])
end
local keys = redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
return {window, archived, memories, keys}
""",
)
"""Forget a conversation, whatever its keys hold, and say what there was.

KEYS: those of a conversation, and the owner's list and those of its memories and its account where
there is one. ARGV: id, and the account.
"""
