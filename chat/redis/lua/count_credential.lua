-- Counts a new credential of a client's address by the second, or refuses if there were too many.
local now, most = redis.call('TIME')[1], tonumber(limit)
local wait = window(credentials_key, most, now)
if wait > 0 then return redis.error_reply('CHATLIMITED newcomers ' .. most .. ' ' .. wait) end
count(credentials_key, most, now)
return 1
