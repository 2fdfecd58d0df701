-- Returns a conversation's summary as JSON, '' without one; a mark of it; and evicted turns behind
-- it, oldest first.
--
-- They are up to `turn_count` ones, with up to `max_bytes` together; if there is any, one is always
-- returned. The list is JSON, as a status: the guest receives a status as a string, in one copy.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local lost = lost_turns()
if lost then return lost end
local json, last, mark = folded()
local turns, bytes, begin = {}, 0, count_below(archive_key, last + 1)
for _, turn in ipairs(redis.call('LRANGE', archive_key, begin, begin + turn_count - 1)) do
  bytes = bytes + #turn
  if bytes > tonumber(max_bytes) and #turns > 0 then break end
  turns[#turns + 1] = turn
end
return {json, mark, redis.status_reply('[' .. table.concat(turns, ',') .. ']')}
