"""The Lua scripts that count. What is counted is never a reason for anything else to fail."""

from chat.redis.fragments import make_script

DAYS = 7
"""Days over which owners are counted; the counters of a day are kept one day longer."""
DAY_S = 86_400

COUNT_ALL = f"""
local function count_all(first, noted)
  local stats = cjson.decode(noted)
  for name, by in pairs(stats.counters) do
    redis.pcall('HINCRBY', KEYS[first], name, by)
    redis.pcall('HINCRBY', KEYS[first + 1], name, by)
  end
  redis.pcall('HSETNX', KEYS[first], 'since', stats.at)
  if stats.mark ~= '' then redis.pcall('PFADD', KEYS[first + 2], stats.mark) end
  redis.pcall('EXPIRE', KEYS[first + 1], {(DAYS + 1) * DAY_S})
  redis.pcall('EXPIRE', KEYS[first + 2], {(DAYS + 1) * DAY_S})
end
"""
"""Count. `first` is the place of the first of three keys: all counters, those of a day, and the
day's active owners, of which nothing is kept but how many there are."""

COUNT = make_script(COUNT_ALL, "count_all(1, ARGV[1]) return 1")
"""Count by itself. KEYS: those three. ARGV: what, as JSON."""
