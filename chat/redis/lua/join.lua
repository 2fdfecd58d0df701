-- Counts a turn in what spans owners, in a cluster; or returns the id of the conversation that an
-- Idempotency-Key of a client's address began.
--
-- `limit` is that of the client's address, 0 if the owner has one instead. `body` and `running` are
-- as in `admit`, or ''. `limit_of_new` is how many credentials the address may bring a minute, 0 if
-- this request brings none that nobody saw.
local is_repeatable = body ~= ''
if is_repeatable then
  local started = redis.call('GET', started_key)
  if started and string.sub(started, 1, TAG_DIGITS) ~= body then
    return redis.error_reply('CHATREUSED the key was used with another body')
  end
  local id = started and string.match(started, '^%x+:(%d+)$')
  if id then return {'done', id} end
  if started and started ~= running then
    return redis.error_reply('CHATBUSY the first turn is running')
  end
end
local now, most, max_of_all = redis.call('TIME')[1], tonumber(limit), tonumber(limit_of_all)
local refusal, left, reset = limited(caller_rate_key, rate_key, most, max_of_all, now)
if refusal then return redis.error_reply(refusal) end
local max_new = tonumber(limit_of_new)
if window(newcomers_key, max_new, now) > 0 then
  local wait = window(newcomers_key, max_new, now)
  return redis.error_reply('CHATLIMITED newcomers ' .. max_new .. ' ' .. wait)
end
count(newcomers_key, max_new, now)
count(caller_rate_key, most, now)
count(rate_key, max_of_all, now)
if is_repeatable then redis.call('SET', started_key, running, 'PX', running_ms) end
return {'go', left, reset, redis.call('GET', profile_key) or ''}
