-- Admits a new conversation, or returns the id of the one that its Idempotency-Key began.
--
-- `body` is the digest of the request's body, or '' without an Idempotency-Key. `running` is kept
-- under that key for `running_ms`, and says that the first turn is running. The account's `adds`
-- says what the request begins.
local word = not owner and '' or begun()
if not word then return redis.error_reply('CHATERASED the owner is being erased') end
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
refusal = owner and owner.adds ~= '' and full(owner.adds) or newcomer(now)
if refusal then return refusal end
count(caller_rate_key, most, now)
count(rate_key, max_of_all, now)
if is_repeatable then redis.call('SET', started_key, running, 'PX', running_ms) end
return {'go', left, reset, is_new, word}
