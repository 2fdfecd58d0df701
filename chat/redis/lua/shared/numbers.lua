-- Finds turns in a list by their numbers, which ascend; some may be missing.
local function number_of(turn) return tonumber(string.match(turn, '^{"n":(%d+)')) or 0 end

local function count_below(key, number)
  local low, high = 0, redis.call('LLEN', key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if number_of(redis.call('LINDEX', key, middle)) < number then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end
