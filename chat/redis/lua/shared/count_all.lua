-- Adds to the counters of all days and to those of one day; those of routes are only of all days.
-- Redis keeps how many owners were active on a day, but not which. Errors are ignored: counting
-- must never make a turn fail.
local function count_all(noted)
  if noted == '' then return end
  local stats = cjson.decode(noted)
  for name, by in pairs(stats.counters) do
    redis.pcall('HINCRBY', stats_key, name, by)
    redis.pcall('HINCRBY', day_stats_key, name, by)
  end
  for name, by in pairs(stats.served) do redis.pcall('HINCRBY', stats_key, name, by) end
  redis.pcall('HSETNX', stats_key, 'since', stats.at)
  if stats.mark ~= '' then redis.pcall('PFADD', day_owners_key, stats.mark) end
  redis.pcall('EXPIRE', day_stats_key, COUNTED_S)
  redis.pcall('EXPIRE', day_owners_key, COUNTED_S)
end
