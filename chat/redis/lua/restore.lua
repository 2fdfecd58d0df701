-- Stores a part of a conversation's turns; with the last part, the conversation is there.
--
-- Until the last part is stored, the keys expire after `part_ms`. `is_first` is '1' for the first
-- part, `is_last` for the last one. The first `archived_count` turns of the part go into the
-- archive. `pieces` are: the head's fields as JSON in the last part, '' in the others; the number,
-- the terms and the length of each archived turn as JSON; and the turns. Without `pieces`, they are
-- in `restored_key`, each after its length in bytes and a colon.
--
-- A conversation that is there is replaced only if this request holds its lock or it lost turns.
-- `repetition` is the digest of an Idempotency-Key or ''. With the last part, `result` is kept
-- under it, and `started` under `started_key`.
local refusal = erased() or full(is_first == '1' and 'conversation')
if refusal then return refusal end
local holder = redis.call('GET', lock_key)
if holder and holder ~= fencing then return redis.error_reply('CHATBUSY a turn is running') end
if is_first == '1' then
  if not holder and redis.call('EXISTS', conversation_key) == 1 and not lost_turns() then
    return redis.error_reply('CHATBUSY it is there')
  end
elseif not holder then
  return redis.error_reply('CHATBUSY another one came between')
end
if #pieces == 0 then
  local staged, place = redis.call('GET', restored_key) or '', 1
  while place <= #staged do
    local begin, size = string.match(staged, '^%d+:()', place), string.match(staged, '^%d+', place)
    pieces[#pieces + 1] = string.sub(staged, begin, begin + size - 1)
    place = begin + size
  end
  redis.call('DEL', restored_key)
end
if #pieces < 2 then return redis.error_reply('CHATBUSY what came before is gone') end
if is_first == '1' then
  redis.call('DEL', conversation_key, turns_key, archive_key, embeddings_key, index_key)
  drop(conversation_id)
  grown = CONVERSATION_BYTES
  redis.call('SET', lock_key, fencing)
end
for place = 3, #pieces do
  push(place < 3 + tonumber(archived_count) and archive_key or turns_key, pieces[place])
end
for _, entry in ipairs(cjson.decode(pieces[2])) do index_terms(entry[1], entry[2], entry[3]) end
if is_last ~= '1' then
  for _, key in ipairs(conversation_keys) do redis.call('PEXPIRE', key, part_ms) end
  charge_conversation(conversation_id, lock_key)
  return 1
end
local head = cjson.decode(pieces[1])
for field, value in pairs(head) do put(conversation_key, field, value) end
redis.call('HSET', conversation_key, 'kept', kept(head.turn_count), 'v', SCHEMA)
if repetition ~= '' then
  put(done_key, repetition, result)
  if started ~= '' then redis.call('SET', started_key, started, 'EX', STARTED_S) end
end
redis.call('DEL', lock_key)
keep(lifetime_s)
if conversations_key then list(conversation_id, head.active_at, lifetime_s) end
charge_conversation(conversation_id, conversation_key)
return 1
