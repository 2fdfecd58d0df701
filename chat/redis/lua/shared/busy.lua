-- Refuses to change what is not there, whole and free. Behind `whole`.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local holder = redis.call('GET', lock_key)
if holder and holder ~= fencing then
  return redis.error_reply('CHATBUSY a turn is running')
end
local lost = lost_turns()
if lost then return lost end
