-- Returns the ids and signatures of all memories in turn.
--
-- The reply is one status: the guest receives a status as a string, in one copy.
local rows = redis.call('GET', memory_rows_key)
if not rows then
  rows = table.concat(redis.call('HGETALL', memory_signatures_key), ' ')
  if rows ~= '' then redis.call('SET', memory_rows_key, rows) end
end
return redis.status_reply(rows)
