-- Lets the counter go on behind an id, if it is not there yet; `is_highest` is '1' if no higher one
-- can be there.
local last, least = tonumber(redis.call('GET', next_id_key) or -1), tonumber(conversation_id)
if is_highest == '' then least = math.max(least, tonumber(redis.call('TIME')[1])) end
if not last or last < least then redis.call('SET', next_id_key, string.format('%.0f', least)) end
return 1
