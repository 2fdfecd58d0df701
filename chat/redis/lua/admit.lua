-- Admits a new conversation, or returns the id of the one that its Idempotency-Key began.
--
-- The account's `adds` says what the request begins.
local word = not owner and '' or begun()
if not word then return redis.error_reply('CHATERASED the owner is being erased') end
local answer = answer_of_start()
if answer then return answer end
local now, most, max_of_all = redis.call('TIME')[1], tonumber(limit), tonumber(limit_of_all)
local refusal, left, reset = limited(caller_rate_key, rate_key, most, max_of_all, now)
if refusal then return redis.error_reply(refusal) end
refusal = owner and owner.adds ~= '' and full(owner.adds) or newcomer(now)
if refusal then return refusal end
count(caller_rate_key, most, now)
count(rate_key, max_of_all, now)
note_start()
return {'go', left, reset, is_new, word}
