-- Returns the counters of all days and those of a day, each as JSON: names and counts in turn.
--
-- They are statuses, which the guest receives in one copy; no name has a line break.
local function read(key)
  return redis.status_reply(cjson.encode(redis.call('HGETALL', key)))
end
return {read(stats_key), read(day_stats_key)}
