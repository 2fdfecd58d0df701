-- Stores a conversation with its first turn.
--
-- `repetition` is the digest of the Idempotency-Key or '', and `result` is kept under it. `started`
-- is kept under `started_key`, so that a repeated request finds the conversation.
--
-- If a first turn takes longer than it was noted as running, another request with the same
-- Idempotency-Key may begin. The conversation that is stored first counts; the other is refused.
-- A request that asks once more, as its connection broke, is told that it has stored. It writes so
-- again: replicas that have this have the conversation.
if redis.call('HGET', conversation_key, 'committed_by') == fencing .. ':0' then
  redis.call('HSET', conversation_key, 'committed_by', fencing .. ':0')
  return 1
end
local to_remember = cjson.decode(new_memories)
local refusal = erased() or full('conversation') or #to_remember > 0 and refused(to_remember)
if refusal then return refusal end
if started ~= '' and string.find(redis.call('GET', started_key) or '', '^%x+:') then
  return redis.error_reply('CHATBUSY the key led to another one meanwhile')
end
if redis.call('EXISTS', conversation_key, turns_key) > 0 then
  return redis.error_reply('CHATTAKEN the id is another one')
end
redis.call('HSET', conversation_key, 'context', context, 'context_tokens', context_tokens,
  'window_tokens', window_tokens, 'evidence_tokens', evidence_tokens, 'pair_tokens', pair_tokens,
  'created_at', active_at,
  'active_at', active_at, 'turn_count', 1, 'evicted_count', 0, 'pinned', 0, 'kept', '1:1:0',
  'messages', '1:' .. messages_in(turn),  'committed_by', fencing .. ':0', 'v', SCHEMA)
grown = grown + CONVERSATION_BYTES + #context
if title ~= '' then put(conversation_key, 'title', title) end
if new_namespace ~= '' then put(conversation_key, 'namespace', new_namespace) end
push(turns_key, turn)
if repetition ~= '' then put(done_key, repetition, result) end
keep(lifetime_s)
if conversations_key then list(conversation_id, active_at, lifetime_s) end
charge_conversation(conversation_id, conversation_key)
if #to_remember > 0 then
  remember(to_remember, tonumber(max_memories))
  charge(' memories', -1)
end
if started ~= '' then redis.call('SET', started_key, started, 'EX', STARTED_S) end
if profile ~= '' then redis.call('SET', profile_key, profile, 'EX', PROFILE_S) end
count_all(counters)
return 1
