"""The Lua scripts that read whole conversations, a part below some size with each call."""

from chat.redis.fragments import TYPES, WHOLE, make_script

LIST_IDS = make_script(
    """
return redis.status_reply(table.concat(redis.call('ZREVRANGE', KEYS[1], 0, -1), ' '))
"""
)
"""Give the ids of an owner's conversations, newest activity first, the expired ones among them.

KEYS: the owner's list. They are one status, which is a string to the guest, and copied whole.
"""

TURNS_PAGE = make_script(
    TYPES,
    WHOLE,
    """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local lost = lost_turns()
if lost then return lost end
local archived = redis.call('LLEN', KEYS[3])
local stop = archived + redis.call('LLEN', KEYS[2])
local function turn_at(place)
  return place < archived and redis.call('LINDEX', KEYS[3], place)
    or redis.call('LINDEX', KEYS[2], place - archived)
end
local function number(place)
  return tonumber(string.match(turn_at(place), '^{"n":(%d+)')) or 0
end
local last, most, offset = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
if last > 0 then
  local low, high = 0, stop
  while low < high do
    local middle = math.floor((low + high) / 2)
    if number(middle) > last then high = middle else low = middle + 1 end
  end
  stop = low
end
local newest_first, bytes = {}, 0
for place = stop - 1, math.max(0, stop - tonumber(ARGV[2])), -1 do
  local turn = turn_at(place)
  bytes = bytes + #turn
  if bytes > most then
    if #newest_first == 0 then
      return {#turn, redis.sha1hex(turn), string.sub(turn, offset + 1, offset + most)}
    end
    break
  end
  newest_first[#newest_first + 1] = turn
end
local turns = {0, ''}
for place = #newest_first, 1, -1 do turns[#turns + 1] = newest_first[place] end
return turns
""",
)
"""Give turns of archive and window, oldest first.

KEYS: those of a conversation. ARGV: the number of the last turn wanted, or 0 for the newest, how
many before and with it, the most bytes of them all, and where a piece of one begins. Turns stand in
the order of their numbers, some of which may be gone.
Gives 0, '' and turns; or, where the last one alone has more bytes, how many it has, what they hash
to, and a piece of them.
"""
