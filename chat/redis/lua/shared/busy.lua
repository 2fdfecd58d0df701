-- Refuses to change a conversation that is unknown, locked by another request, or lacks turns.
-- Comes after `whole`.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local holder = redis.call('GET', lock_key)
if holder and holder ~= fencing then
  return redis.error_reply('CHATBUSY a turn is running')
end
local lost = lost_turns()
if lost then return lost end
