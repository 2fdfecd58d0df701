-- Counts, in the counters of all days and in those of one. Of the day's active owners nothing is
-- kept but how many there are. What is counted is never a reason for anything else to fail.
local function count_all(noted)
  local stats = cjson.decode(noted)
  for name, by in pairs(stats.counters) do
    redis.pcall('HINCRBY', stats_key, name, by)
    redis.pcall('HINCRBY', day_stats_key, name, by)
  end
  redis.pcall('HSETNX', stats_key, 'since', stats.at)
  if stats.mark ~= '' then redis.pcall('PFADD', day_owners_key, stats.mark) end
  redis.pcall('EXPIRE', day_stats_key, COUNTED_S)
  redis.pcall('EXPIRE', day_owners_key, COUNTED_S)
end
