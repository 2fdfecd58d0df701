-- Forgets one memory, or all if `memory_id` is '', and returns how many were forgotten.
if memory_id == '' then
  drop(' memories')
  local count = redis.call('HLEN', memories_key)
  redis.call('DEL', memories_key, memory_times_key, memory_texts_key, memory_signatures_key,
    memory_embeddings_key, memory_rows_key, memory_index_key)
  return count
end
if forget_memory(memory_id) == 0 then return redis.error_reply('CHATNOMEMORY no such memory') end
charge(' memories', -1)
return 1
