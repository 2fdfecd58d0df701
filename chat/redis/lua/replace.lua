-- Puts one turn in the place of another, or nothing, and forgets what was kept for its repetition.
--
-- `old` and `new` are the turn as it was and as it will be or ''; `old_terms` and `new_terms` have
-- number, terms and length of both as JSON; `memory_id` is that of the memory that goes with it.
local from = turns_key
local place = redis.call('LPOS', from, old)
if not place then
  from = archive_key
  place = redis.call('LPOS', from, old)
end
if not place then return redis.error_reply('CHATBUSY the turn was changed meanwhile') end
if from == archive_key then
  local before, after = cjson.decode(old_terms), cjson.decode(new_terms)
  forget_terms(before[1], before[2], before[3])
  if new ~= '' then index_terms(after[1], after[2], after[3]) end
end
if new == '' then
  redis.call('LREM', from, 1, old)
  grown = grown - #old - ITEM_BYTES
else
  redis.call('LSET', from, place, new)
  grown = grown + #new - #old
end
redis.call('HSET', conversation_key, 'kept',
  kept(redis.call('HGET', conversation_key, 'turn_count')))
local flat = redis.call('HGETALL', done_key)
for i = 1, #flat, 2 do
  if string.match(flat[i + 1], '^%x+:(%d+):') == turn_number then take(done_key, flat[i]) end
end
for _, field in ipairs(redis.call('HKEYS', embeddings_key)) do
  if string.match(field, ':(%d+)%.%d+$') == turn_number then take(embeddings_key, field) end
end
charge_conversation(conversation_id, conversation_key)
if memories_key and forget_memory(memory_id) == 1 then charge(' memories', -1) end
return 1
