-- Admits a turn, and locks and loads its conversation; or returns the result that is kept under its
-- Idempotency-Key.
--
-- `repetition` and `body` are the digests of that key and of the request's body, or ''. The terms
-- in `searched` are used to find up to `max_found` evicted turns.
--
-- The turns are returned as one JSON list, so that the host moves one value and not one for each
-- turn. The list is a status: the guest receives a status as a string, in one copy, but bytes one
-- by one. A status must not have line breaks or NUL bytes, and JSON has none.
--
-- A request for a conversation that is unknown or lacks turns counts, too; otherwise ids could be
-- tried without a limit.
local word = not owner and '' or begun()
if not word then return redis.error_reply('CHATERASED the owner is being erased') end
if repetition ~= '' then
  local done = redis.call('HGET', done_key, repetition)
  if done and string.sub(done, 1, TAG_DIGITS) ~= body then
    return redis.error_reply('CHATREUSED the key was used with another body')
  end
  if done then return {'done', (string.gsub(done, '^%x+:%d+:', '', 1))} end
end
local now, most, max_of_all = redis.call('TIME')[1], tonumber(limit), tonumber(limit_of_all)
local refusal, left, reset = limited(caller_rate_key, rate_key, most, max_of_all, now)
if refusal then return redis.error_reply(refusal) end
refusal = newcomer(now)
if refusal then return refusal end
if redis.call('EXISTS', conversation_key) == 0 then
  count(caller_rate_key, most, now)
  return redis.error_reply((is_new ~= '' and 'CHATNEW' or 'CHATUNKNOWN') .. ' no such conversation')
end
local lost = lost_turns()
if lost then
  count(caller_rate_key, most, now)
  return lost
end
local no_room = full()
if no_room then return no_room end
if not redis.call('SET', lock_key, fencing, 'NX', 'PX', lock_ms)
  and redis.call('GET', lock_key) ~= fencing then  -- the same request may ask once more
  return redis.error_reply('CHATBUSY a turn is running')
end
count(caller_rate_key, most, now)
count(rate_key, max_of_all, now)
local head = redis.call('HMGET', conversation_key, 'context', 'context_tokens', 'turn_count',
  'active_at', 'pinned', 'evidence_tokens', 'window_tokens', 'pair_tokens', 'namespace', 'summary')
local profile = redis.call('GET', profile_key) or ''
local turns = redis.call('LRANGE', turns_key, 0, -1)
local found, scores, counted, postings = search(searched, tonumber(max_found))
return {'turns', head[1], head[2], head[3], head[4], head[5], head[6], head[7],
  head[8] or '0', head[9] or '', head[10] or '', profile,
  redis.status_reply('[' .. table.concat(turns, ',') .. ']'), left, reset, found, scores,
  counted, postings, word}
