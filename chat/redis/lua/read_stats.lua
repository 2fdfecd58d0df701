-- Returns the counters of all days and those of a day, each as JSON: names and counts in turn.
--
-- They are statuses, which the guest receives in one copy; no name has a line break.
if not (is(stats_key, 'hash') and is(day_stats_key, 'hash')) then
  return redis.error_reply('CHATCORRUPT a key has another type')
end
local function read(key)
  return redis.status_reply(cjson.encode(redis.call('HGETALL', key)))
end
return {read(stats_key), read(day_stats_key)}
