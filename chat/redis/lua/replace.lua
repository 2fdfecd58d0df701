-- Replaces or removes a turn. Also forgets the results that were kept for repeated requests of this
-- turn, its embeddings, and one memory.
--
-- `old` is the turn as it was; `new` is the turn as it will be, or '' to remove it. `old_terms` and
-- `new_terms` have the number, the terms and the length of each as JSON. `memory_id` is the id of
-- the memory that the removed message became.
local from, place = find_turn(old)
if not place then return redis.error_reply('CHATBUSY the turn was changed meanwhile') end
local is_left = new ~= ''
if from == archive_key then
  unindex(cjson.decode(old_terms), is_left and cjson.decode(new_terms) or nil)
end
if is_left then
  redis.call('LSET', from, place, new)
  grown = grown + #new - #old
else
  redis.call('LREM', from, 1, old)
  grown = grown - #old - ITEM_BYTES
end
local last = redis.call('HGET', conversation_key, 'turn_count')
redis.call('HSET', conversation_key, 'kept', kept(last), 'v', SCHEMA)
count_messages((is_left and messages_in(new) or 0) - messages_in(old), last)
unfold(tonumber(turn_number))
forget_beside(function(number) return number == tonumber(turn_number) end)
charge_conversation(conversation_id, conversation_key)
if memories_key and forget_memory(memory_id) == 1 then charge(' memories', -1) end
return 1
