"""The Lua scripts that bring a whole conversation back, in parts that count with the last one."""

from chat.redis.account_scripts import ACCOUNT, CONVERSATION_BYTES
from chat.redis.fragments import INDEX, KEEP, LIST, TYPES, WHOLE, make_script

STAGE = make_script(
    ACCOUNT,
    """
open_account(ARGV[3])
local refusal = erased()
if refusal then return refusal end
if ARGV[1] == '0' then redis.call('DEL', KEYS[1]) end
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[1]) then
  return redis.error_reply('CHATBUSY what came before is gone')
end
redis.call('APPEND', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
""",
)
"""Lay a piece of a part down behind those before it.

KEYS: where it waits, and those of the account. ARGV: the bytes before it, how long it may wait in
ms, the account, the piece.
"""

RESTORE = make_script(
    TYPES,
    WHOLE,
    ACCOUNT,
    KEEP,
    LIST,
    INDEX,
    f"""
open_account(ARGV[8])
local refusal = erased() or full(ARGV[3] == '1' and 'conversation')
if refusal then return refusal end
local holder = redis.call('GET', KEYS[5])
if holder and holder ~= ARGV[1] then return redis.error_reply('CHATBUSY a turn is running') end
local is_first, is_last = ARGV[3] == '1', ARGV[4] == '1'
if is_first then
  if not holder and redis.call('EXISTS', KEYS[1]) == 1 and not lost_turns() then
    return redis.error_reply('CHATBUSY it is there')
  end
elseif not holder then
  return redis.error_reply('CHATBUSY another one came between')
end
local pieces = {{}}
for place = 9, #ARGV do pieces[#pieces + 1] = ARGV[place] end
if #pieces == 0 then
  local staged, place = redis.call('GET', KEYS[9]) or '', 1
  while place <= #staged do
    local begin, size = string.match(staged, '^%d+:()', place), string.match(staged, '^%d+', place)
    pieces[#pieces + 1] = string.sub(staged, begin, begin + size - 1)
    place = begin + size
  end
  redis.call('DEL', KEYS[9])
end
if #pieces < 2 then return redis.error_reply('CHATBUSY what came before is gone') end
if is_first then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7])
  drop(ARGV[7])
  grown = {CONVERSATION_BYTES}
  redis.call('SET', KEYS[5], ARGV[1])
end
for place = 3, #pieces do
  local list = place < 3 + tonumber(ARGV[5]) and KEYS[3] or KEYS[2]
  push(list, pieces[place])
end
for _, entry in ipairs(cjson.decode(pieces[2])) do index_terms(entry[1], entry[2], entry[3]) end
if not is_last then
  for place = 1, 7 do redis.call('PEXPIRE', KEYS[place], ARGV[2]) end
  charge_conversation(ARGV[7], KEYS[5])
  return 1
end
local head = cjson.decode(pieces[1])
for field, value in pairs(head) do put(KEYS[1], field, value) end
redis.call('HSET', KEYS[1], 'kept', kept(head.turn_count))
redis.call('DEL', KEYS[5])
keep(ARGV[6])
list(KEYS[8], ARGV[7], head.active_at, ARGV[6])
charge_conversation(ARGV[7], KEYS[1])
return 1
""",
)
"""Put a part of a conversation's turns into its keys; with the last one it is there.

KEYS: those of a conversation, the owner's list, where a part waits that is long, and those of the
owner's account. ARGV: fencing value, lifetime of what is not whole in ms, '1' for the first part,
'1' for the last one, how many of its turns are archived, lifetime, id, the account, and its pieces:
the fields as JSON, or '' but for the last part; number, terms and length of the archived turns as
JSON; turns. Without pieces here they wait, each behind its length in bytes and a colon.
A conversation that is there is replaced only by who holds its lock, or where it lost turns.
"""
