"""The Lua script that brings a whole conversation back, in parts that count with the last one."""

from chat.scripts import INDEX, KEEP, LIST, TYPES, WHOLE, make_script

RESTORE = make_script(
    TYPES,
    WHOLE,
    KEEP,
    LIST,
    INDEX,
    """
local holder = redis.call('GET', KEYS[5])
if holder and holder ~= ARGV[1] then return redis.error_reply('CHATBUSY a turn is running') end
local is_first, is_last = ARGV[3] == '1', ARGV[4] ~= ''
if is_first then
  if not holder and redis.call('EXISTS', KEYS[1]) == 1 and not lost_turns() then
    return redis.error_reply('CHATBUSY it is there')
  end
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7])
  redis.call('SET', KEYS[5], ARGV[1])
elseif not holder then
  return redis.error_reply('CHATBUSY another one came between')
end
for place = 9, #ARGV do
  local list = place < 9 + tonumber(ARGV[6]) and KEYS[3] or KEYS[2]
  redis.call('RPUSH', list, ARGV[place])
end
for _, entry in ipairs(cjson.decode(ARGV[5])) do index_terms(entry[1], entry[2], entry[3]) end
if not is_last then
  for place = 1, 7 do redis.call('PEXPIRE', KEYS[place], ARGV[2]) end
  return 1
end
local head = cjson.decode(ARGV[4])
for field, value in pairs(head) do redis.call('HSET', KEYS[1], field, value) end
redis.call('HSET', KEYS[1], 'kept', kept(head.turn_count))
redis.call('DEL', KEYS[5])
keep(ARGV[7])
list(KEYS[8], ARGV[8], head.active_at, ARGV[7])
return 1
""",
)
"""Put a part of a conversation's turns into its keys; with the last one it is there.

KEYS: those of a conversation, and the owner's list. ARGV: fencing value, lifetime of what is not
whole in ms, '1' for the first part, the fields as JSON for the last one or '', number, terms and
length of the archived turns as JSON, how many of the turns are archived, lifetime, id, turns.
A conversation that is there is replaced only by who holds its lock, or where it lost turns.
"""
