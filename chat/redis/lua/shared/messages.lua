-- Counts messages. The head's `messages` has the last turn's number, and how many messages window
-- and archive have; forgotten ones are not counted.
local function messages_in(stored)
  local count = 0
  for _, message in ipairs(cjson.decode(stored).messages) do
    if type(message) == 'table' then count = count + 1 end
  end
  return count
end

local function messages_kept()
  local head = redis.call('HMGET', conversation_key, 'turn_count', 'messages')
  local last, count = string.match(head[2] or '', '^(%d+):(%d+)$')
  if last and last == head[1] then return tonumber(count) end
end

-- Notes that there are `by` more messages than before; comes after the lists were changed, and
-- before `turn_count`. If the last turn was stored by a component that does not count, all are
-- counted.
local function count_messages(by, last)
  local count = messages_kept()
  if count then
    count = count + by
  else
    count = 0
    for _, key in ipairs({turns_key, archive_key}) do
      for _, stored in ipairs(redis.call('LRANGE', key, 0, -1)) do
        count = count + messages_in(stored)
      end
    end
  end
  redis.call('HSET', conversation_key, 'messages', string.format('%d:%d', last, count))
end
