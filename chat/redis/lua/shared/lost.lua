-- Returns the error if the request may no longer store a turn: the owner was erased, the
-- conversation was forgotten or changed by another turn, or Redis lost turns of it. Comes after
-- `whole` and `account`.
--
-- `turn_count` is the number of turns when the conversation was loaded.
local function lost()
  local refusal = erased()
  if refusal then return refusal end
  local found_count = redis.call('HGET', conversation_key, 'turn_count')
  if not found_count then return redis.error_reply('CHATUNKNOWN no such conversation') end
  local holder = redis.call('GET', lock_key)
  if found_count ~= turn_count or (holder and holder ~= fencing) then
    return redis.error_reply('CHATBUSY another turn came between')
  end
  return lost_turns()
end
