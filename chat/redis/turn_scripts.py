"""The Lua scripts of a turn: admit or load before the model, create or commit after it."""

from chat.core.owners import TAG_DIGITS
from chat.redis.account_scripts import ACCOUNT, CONVERSATION_BYTES, ITEM_BYTES, LIMITS, NEWCOMERS
from chat.redis.fragments import INDEX, IS, KEEP, LIST, TYPES, WHOLE, make_script
from chat.redis.memory_scripts import MEMORIES
from chat.redis.search_script import SEARCH
from chat.redis.stats_scripts import COUNT_ALL

MOST_DONE = 100
"""Results of Idempotency-Keys that a conversation keeps."""

LOAD = make_script(
    TYPES,
    WHOLE,
    LIMITS,
    ACCOUNT,
    NEWCOMERS,
    INDEX,
    SEARCH,
    f"""
open_account(ARGV[8])
local word = not account and '' or begun()
if not word then return redis.error_reply('CHATERASED the owner is being erased') end
if ARGV[5] ~= '' then
  local done = redis.call('HGET', KEYS[4], ARGV[5])
  if done and string.sub(done, 1, {TAG_DIGITS}) ~= ARGV[6] then
    return redis.error_reply('CHATREUSED the key was used with another body')
  end
  if done then return {{'done', (string.gsub(done, '^%x+:%d+:', '', 1))}} end
end
local now, most, most_of_all = redis.call('TIME')[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local refusal, left, reset = limited(KEYS[8], KEYS[9], most, most_of_all, now)
if refusal then return redis.error_reply(refusal) end
refusal = newcomer(now)
if refusal then return refusal end
if redis.call('EXISTS', KEYS[1]) == 0 then
  count(KEYS[8], most, now)
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local lost = lost_turns()
if lost then
  count(KEYS[8], most, now)
  return lost
end
local no_room = full()
if no_room then return no_room end
if not redis.call('SET', KEYS[5], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return redis.error_reply('CHATBUSY a turn is running')
end
count(KEYS[8], most, now)
count(KEYS[9], most_of_all, now)
local head = redis.call('HMGET', KEYS[1], 'context', 'context_tokens', 'turn_count', 'active_at',
  'pinned', 'evidence_tokens', 'window_tokens')
local turns = redis.call('LRANGE', KEYS[2], 0, -1)
local terms = {{}}
for place = 9, #ARGV do terms[#terms + 1] = ARGV[place] end
local found, scores = search(terms, tonumber(ARGV[7]))
return {{'turns', head[1], head[2], head[3], head[4], head[5], head[6], head[7],
  redis.status_reply('[' .. table.concat(turns, ',') .. ']'), left, reset, found, scores, word}}
""",
)
"""Admit, lock and load, or find what was done.

KEYS: those of a conversation, the caller's turns, everybody's, and those of newcomers and of the
owner's account where there is one.
ARGV: fencing value, lock's lifetime in ms, limits of the caller and of everybody, digests of the
Idempotency-Key and of the body, or '', how many evicted turns to find, the account, then the terms
that they are searched for.
Gives the turns as one JSON list: one value to move and to parse, where the host would move each
turn by itself. It is a status, which is a string to the guest, and is copied whole where bytes are
copied one by one; JSON has neither line breaks nor NUL bytes, which a status cannot have. Asking
for what there is not, or is not whole, counts too, or ids could be tried without a limit.
"""

LOST = """
local function lost()
  local refusal = erased()
  if refusal then return refusal end
  local turn_count = redis.call('HGET', KEYS[1], 'turn_count')
  if not turn_count then return redis.error_reply('CHATUNKNOWN no such conversation') end
  local holder = redis.call('GET', KEYS[5])
  if turn_count ~= ARGV[2] or (holder and holder ~= ARGV[1]) then
    return redis.error_reply('CHATBUSY another turn came between')
  end
  return lost_turns()
end
"""
"""Say how the right to a conversation was lost, or turns of it. Behind `WHOLE` and `ACCOUNT`.

ARGV: fencing value, turn count as loaded.
"""

HOLD = make_script(
    TYPES,
    WHOLE,
    ACCOUNT,
    LOST,
    """
open_account(ARGV[4])
local refusal = lost()
if refusal then return refusal end
redis.call('SET', KEYS[5], ARGV[1], 'PX', ARGV[3])
return 1
""",
)
"""Lock again.

KEYS: those of a conversation, and those of the owner's account where there is one.
ARGV: as above, the lock's lifetime in ms, the account.
"""

COMMIT = make_script(
    TYPES,
    WHOLE,
    ACCOUNT,
    LOST,
    KEEP,
    LIST,
    INDEX,
    MEMORIES,
    COUNT_ALL,
    f"""
open_account(ARGV[18])
local memories = cjson.decode(ARGV[14])
local refusal = #memories > 0 and refused(12, memories)
if refusal then return refusal end
refusal = lost()
if refusal then return refusal end
for place = 19, #ARGV do push(KEYS[2], ARGV[place]) end
for _ = 1, tonumber(ARGV[6]) do
  local turn = redis.call('LPOP', KEYS[2])
  if not turn then break end
  redis.call('RPUSH', KEYS[3], turn)
end
local cap = tonumber(ARGV[7])
if cap > 0 then
  for _, turn in ipairs(redis.call('LRANGE', KEYS[3], 0, -cap - 1)) do
    grown = grown - #turn - {ITEM_BYTES}
    for index = 0, #cjson.decode(turn).messages - 1 do
      take(KEYS[6], ARGV[16] .. ':' .. number_of(turn) .. '.' .. index)
    end
  end
  redis.call('LTRIM', KEYS[3], -cap, -1)
end
for _, entry in ipairs(cjson.decode(ARGV[12])) do index_terms(entry[1], entry[2], entry[3]) end
local last = ARGV[2] + #ARGV - 18
redis.call('HSET', KEYS[1], 'turn_count', last, 'context_tokens', ARGV[3],
  'window_tokens', ARGV[13], 'evidence_tokens', ARGV[4], 'active_at', ARGV[5], 'kept', kept(last))
redis.call('HINCRBY', KEYS[1], 'evicted_count', ARGV[6])
if ARGV[10] ~= '' then
  put(KEYS[4], ARGV[10], ARGV[11])
  if redis.call('HLEN', KEYS[4]) > {MOST_DONE} then
    local flat, oldest, lowest = redis.call('HGETALL', KEYS[4]), nil, math.huge
    for i = 1, #flat, 2 do
      local number = tonumber(string.match(flat[i + 1], '^%x+:(%d+):'))
      if number < lowest then oldest, lowest = flat[i], number end
    end
    take(KEYS[4], oldest)
  end
end
redis.call('DEL', KEYS[5])
local lifetime = redis.call('HGET', KEYS[1], 'pinned') == '1' and '0' or ARGV[8]
keep(lifetime)
if KEYS[11] then list(KEYS[11], ARGV[9], ARGV[5], lifetime) end
charge_conversation(ARGV[9], KEYS[1])
if #memories > 0 then
  remember(12, memories, tonumber(ARGV[15]))
  charge(' memories', -1)
end
count_all(8, ARGV[17])
return 1
""",
)
"""Append turns and unlock.

KEYS: those of a conversation, those that are counted in, and the owner's list, those of its
memories and those of its account where there is one.
ARGV: fencing value, turn count as loaded, context tokens, evidence tokens, time, evicted count,
archive's cap, lifetime, id, digest of the Idempotency-Key or '', its record, number, terms and
length of each evicted turn as JSON, window tokens, memories, the most of them, what the names of
embeddings begin with, what to count, the account, then the turns.
A lock that has run out does not matter as long as no other turn came between. The first write is
one that Redis refuses when it is out of memory; after it, a script is let finish.
"""

ADMIT = make_script(
    LIMITS,
    ACCOUNT,
    NEWCOMERS,
    f"""
open_account(ARGV[6])
local word = not account and '' or begun()
if not word then return redis.error_reply('CHATERASED the owner is being erased') end
local has_key = ARGV[3] ~= ''
if has_key then
  local started = redis.call('GET', KEYS[3])
  if started and string.sub(started, 1, {TAG_DIGITS}) ~= ARGV[3] then
    return redis.error_reply('CHATREUSED the key was used with another body')
  end
  local id = started and string.match(started, '^%x+:(%d+)$')
  if id then return {{'done', id}} end
  if started then return redis.error_reply('CHATBUSY the first turn is running') end
end
local now, most, most_of_all = redis.call('TIME')[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local refusal, left, reset = limited(KEYS[1], KEYS[2], most, most_of_all, now)
if refusal then return redis.error_reply(refusal) end
refusal = account and account.adds ~= '' and full(account.adds) or newcomer(now)
if refusal then return refusal end
count(KEYS[1], most, now)
count(KEYS[2], most_of_all, now)
if has_key then redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5]) end
return {{'go', left, reset, word}}
""",
)
"""Admit a new conversation, or find the one that its Idempotency-Key led to.

KEYS: the caller's turns, everybody's, where the Idempotency-Key leads, if there is one, and those
of newcomers and of the owner's account where there is one.
ARGV: limits of the caller and of everybody, digest of the body or '' without a key, the value that
says that the first turn is running, its lifetime in ms, and the account, whose `adds` says what is
begun.
"""

STARTED_S = 86_400
"""How long an Idempotency-Key of a new conversation is remembered."""

CREATE = make_script(
    IS,
    ACCOUNT,
    KEEP,
    LIST,
    MEMORIES,
    COUNT_ALL,
    f"""
open_account(ARGV[18])
local memories, base = cjson.decode(ARGV[14]), tonumber(ARGV[16])
local refusal = erased() or full('conversation') or #memories > 0 and refused(base, memories)
if refusal then return refusal end
local owned, started = KEYS[tonumber(ARGV[10])], KEYS[tonumber(ARGV[11])]
if started and string.find(redis.call('GET', started) or '', '^%x+:') then
  return redis.error_reply('CHATBUSY the key led to another one meanwhile')
end
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
  return redis.error_reply('CHATTAKEN the id is another one')
end
redis.call('HSET', KEYS[1], 'context', ARGV[1], 'context_tokens', ARGV[2], 'window_tokens',
  ARGV[13], 'evidence_tokens',
  ARGV[3], 'created_at', ARGV[4], 'active_at', ARGV[4], 'turn_count', 1, 'evicted_count', 0,
  'pinned', 0, 'kept', '1:1:0')
grown = grown + {CONVERSATION_BYTES} + #ARGV[1]
push(KEYS[2], ARGV[7])
if ARGV[8] ~= '' then put(KEYS[4], ARGV[8], ARGV[9]) end
keep(ARGV[5])
if owned then list(owned, ARGV[6], ARGV[4], ARGV[5]) end
charge_conversation(ARGV[6], KEYS[1])
if #memories > 0 then
  remember(base, memories, tonumber(ARGV[15]))
  charge(' memories', -1)
end
if started then redis.call('SET', started, ARGV[12], 'EX', {STARTED_S}) end
count_all(8, ARGV[17])
return 1
""",
)
"""Store a conversation with its first turn.

KEYS: those of a conversation, those that are counted in, up to eight more, and those of the owner's
account where there is one.
ARGV: context, its tokens, evidence tokens, time, lifetime, id, turn, digest of the Idempotency-Key
or '', its record, the places among KEYS of the owner's list and of where the Idempotency-Key leads
or 0, what is to stand there, window tokens, memories, the most of them, the place of the first
of their keys, what to count, and the account.
Of two that an Idempotency-Key started, as the first took longer than was noted, the one that is
stored first counts.
"""

RELEASE = make_script(
    """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
)
"""Unlock if the lock is still ours. KEYS: lock. ARGV: its value."""
