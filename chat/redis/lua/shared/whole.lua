-- Returns an error if a list of turns is not as it was left: Redis may have evicted the whole list.
--
-- The head's `kept` has the number of the last turn, and how many turns window and archive have. If
-- that number is not the head's `turn_count`, the last turn was stored by a component that does not
-- write `kept`, and the lists cannot be checked.
local function lost_turns()
  local head = redis.call('HMGET', conversation_key, 'turn_count', 'kept')
  local last, window, archived = string.match(head[2] or '', '^(%d+):(%d+):(%d+)$')
  if last and last == head[1] and (redis.call('LLEN', turns_key) ~= tonumber(window)
      or redis.call('LLEN', archive_key) ~= tonumber(archived)) then
    return redis.error_reply('CHATLOST ' .. last)
  end
end

local function kept(last)
  return string.format('%d:%d:%d', last, redis.call('LLEN', turns_key),
    redis.call('LLEN', archive_key))
end
