-- Raises the counter to an id, if it is lower; `is_highest` is '1' if no higher id can be in use.
-- Otherwise the counter is raised to the seconds since 1970, or to the id if that is higher.
local last, least = tonumber(redis.call('GET', next_id_key) or -1), tonumber(conversation_id)
if is_highest == '' then least = math.max(least, tonumber(redis.call('TIME')[1])) end
if not last or last < least then redis.call('SET', next_id_key, string.format('%.0f', least)) end
return 1
