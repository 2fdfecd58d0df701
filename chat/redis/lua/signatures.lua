-- Returns ids and signatures in turn.
--
-- They are one status, which is a string to the guest, and copied whole.
local rows = redis.call('GET', memory_rows_key)
if not rows then
  rows = table.concat(redis.call('HGETALL', memory_signatures_key), ' ')
  if rows ~= '' then redis.call('SET', memory_rows_key, rows) end
end
return redis.status_reply(rows)
