-- Replaces or removes a turn. Also forgets the results that were kept for repeated requests of this
-- turn, its embeddings, and one memory.
--
-- `old` is the turn as it was; `new` is the turn as it will be, or '' to remove it. `old_terms` and
-- `new_terms` have the number, the terms and the length of each as JSON. `memory_id` is the id of
-- the memory that the removed message became.
local from = turns_key
local place = redis.call('LPOS', from, old)
if not place then
  from = archive_key
  place = redis.call('LPOS', from, old)
end
if not place then return redis.error_reply('CHATBUSY the turn was changed meanwhile') end
if from == archive_key then
  local before, after = cjson.decode(old_terms), cjson.decode(new_terms)
  local is_left = new ~= ''
  replace_terms(before[1], before[2], is_left and after[2] or {}, after[3])
  if not is_left then redis.call('HINCRBY', index_key, ' count', -1) end
  redis.call('HINCRBY', index_key, ' terms', (is_left and after[3] or 0) - before[3])
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
