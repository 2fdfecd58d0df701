-- Appends turns and unlocks.
--
-- `repetition` is the digest of the Idempotency-Key or '', and `result` is kept under it.
-- `evicted_terms` has the number, the terms and the length of each evicted turn as JSON. The names
-- of embeddings begin with `embedding_tag`.
--
-- A lock that has expired does not matter if no other turn was stored meanwhile. The first write is
-- a command that Redis refuses when it is out of memory; after a first write, Redis lets a script
-- finish, so that all of it is stored or nothing.
-- A request that asks once more, as its connection broke, is told that it has committed. It writes
-- so again: replicas that have this have the turn.
local committing = fencing .. ':' .. turn_count
if redis.call('HGET', conversation_key, 'committed_by') == committing then
  redis.call('HSET', conversation_key, 'committed_by', committing)
  return 1
end
local to_remember = cjson.decode(new_memories)
local refusal = #to_remember > 0 and refused(to_remember)
if refusal then return refusal end
refusal = lost()
if refusal then return refusal end
local said = 0
for _, turn in ipairs(turns) do
  push(turns_key, turn)
  said = said + messages_in(turn)
end
for _ = 1, tonumber(evicted_count) do
  local turn = redis.call('LPOP', turns_key)
  if not turn then break end
  redis.call('RPUSH', archive_key, turn)
end
local cap = tonumber(archive_turns)
if cap > 0 then
  for _, turn in ipairs(redis.call('LRANGE', archive_key, 0, -cap - 1)) do
    grown = grown - #turn - ITEM_BYTES
    said = said - messages_in(turn)
    for index = 0, #cjson.decode(turn).messages - 1 do
      take(embeddings_key, embedding_tag .. ':' .. number_of(turn) .. '.' .. index)
    end
  end
  redis.call('LTRIM', archive_key, -cap, -1)
end
for _, entry in ipairs(cjson.decode(evicted_terms)) do index_terms(entry[1], entry[2], entry[3]) end
local last = turn_count + #turns
count_messages(said, last)
redis.call('HSET', conversation_key, 'turn_count', last, 'context_tokens', context_tokens,
  'window_tokens', window_tokens, 'evidence_tokens', evidence_tokens, 'pair_tokens', pair_tokens,
  'active_at', active_at,
  'kept', kept(last), 'committed_by', committing, 'v', SCHEMA)
redis.call('HINCRBY', conversation_key, 'evicted_count', evicted_count)
if title ~= '' and redis.call('HEXISTS', conversation_key, 'title') == 0 then
  put(conversation_key, 'title', title)
end
if repetition ~= '' then
  put(done_key, repetition, result)
  if redis.call('HLEN', done_key) > MAX_DONE then
    local flat, oldest, lowest = redis.call('HGETALL', done_key), nil, math.huge
    for i = 1, #flat, 2 do
      local number = tonumber(string.match(flat[i + 1], '^%x+:(%d+):'))
      if number < lowest then oldest, lowest = flat[i], number end
    end
    take(done_key, oldest)
  end
end
redis.call('DEL', lock_key)
local lifetime = redis.call('HGET', conversation_key, 'pinned') == '1' and '0' or lifetime_s
keep(lifetime)
if conversations_key then list(conversation_id, active_at, lifetime) end
charge_conversation(conversation_id, conversation_key)
if #to_remember > 0 then
  remember(to_remember, tonumber(max_memories))
  charge(' memories', -1)
end
if profile ~= '' then redis.call('SET', profile_key, profile, 'EX', PROFILE_S) end
count_all(counters)
return 1
