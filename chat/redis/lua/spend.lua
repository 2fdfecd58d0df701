-- Takes the bytes of an import out of a bucket, whose content may be negative afterwards. Imports
-- are refused until it is positive again.
--
-- A full bucket has as many bytes as one minute may have, and an empty one fills in a minute.
local most, size, time = tonumber(limit), tonumber(size_bytes), redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left, at = string.match(redis.call('GET', imported_key) or '', '^(%-?%d+) (%d+)$')
left = math.min(most, (tonumber(left) or most) + (now - (tonumber(at) or now)) * most
  / (WINDOW_S * 1000))
if left <= 0 then
  local wait = math.floor(-left * WINDOW_S / most) + 1
  return redis.error_reply(string.format('CHATLIMITED imports %.0f %.0f', most, wait))
end
left = left - size
local lifetime = math.ceil((most - left) * WINDOW_S * 1000 / most)
redis.call('SET', imported_key, string.format('%.0f %.0f', left, now), 'PX', math.max(1, lifetime))
return 1
