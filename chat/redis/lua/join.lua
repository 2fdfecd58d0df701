-- Counts a turn in what spans owners, in a cluster; or returns the id of the conversation that an
-- Idempotency-Key of a client's address began.
--
-- `limit` is that of the client's address, 0 if the owner has one instead. `limit_of_new` is how
-- many credentials the address may bring a minute, 0 if this request brings none that nobody saw.
local answer = answer_of_start()
if answer then return answer end
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
note_start()
return {'go', left, reset, redis.call('GET', profile_key) or ''}
