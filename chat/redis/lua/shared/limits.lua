-- A sliding window: a hash that counts what happened in each of the last seconds.
--
-- A second counts until all of it is a minute ago, so that no minute exceeds the limit. A limit of
-- 0 means that there is none.
local function window(key, most, now)
  if most == 0 then return 0, 0, 0 end
  local seconds, total = {}, 0
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local second = tonumber(flat[i])
    if second >= now - WINDOW_S then
      seconds[#seconds + 1] = {second, tonumber(flat[i + 1])}
      total = total + flat[i + 1]
    end
  end
  table.sort(seconds, function(a, b) return a[1] < b[1] end)
  local reset = (seconds[1] and seconds[1][1] or now) + WINDOW_S + 1 - now
  local left, wait = most - total, 0
  for _, bucket in ipairs(seconds) do
    if total < most then break end
    total, wait = total - bucket[2], bucket[1] + WINDOW_S + 1 - now
  end
  return wait, left, reset
end

local function count(key, most, now)
  if most == 0 then return end
  redis.call('HINCRBY', key, now, 1)
  for _, second in ipairs(redis.call('HKEYS', key)) do
    if tonumber(second) < now - WINDOW_S then redis.call('HDEL', key, second) end
  end
  redis.call('EXPIRE', key, WINDOW_S + 1)
end

local function limited(mine, everybody, most, max_of_all, now)
  local wait, left, reset = window(mine, most, now)
  if wait > 0 then return 'CHATLIMITED caller ' .. most .. ' ' .. wait end
  local wait_of_all = window(everybody, max_of_all, now)
  if wait_of_all > 0 then return 'CHATLIMITED everybody ' .. max_of_all .. ' ' .. wait_of_all end
  return nil, left - 1, reset
end
