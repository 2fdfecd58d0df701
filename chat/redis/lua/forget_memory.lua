-- Forgets one memory; or if `memory_id` is '' all of `of_namespace`, or all if that
-- is '', too. Returns how many were forgotten.
local function forget_all()
  local count = redis.call('HLEN', memories_key)
  for _, one in ipairs(redis.call('HKEYS', memory_namespaces_key)) do
    redis.call('DEL', in_namespace(memory_times_key, one), in_namespace(memory_texts_key, one),
      in_namespace(memory_signatures_key, one), in_namespace(memory_rows_key, one),
      in_namespace(memory_index_key, one))
  end
  redis.call('DEL', memories_key, memory_times_key, memory_texts_key, memory_signatures_key,
    memory_embeddings_key, memory_rows_key, memory_index_key, memory_namespaces_key)
  drop(' memories')
  return count
end

local function forget_namespace()
  local count = 0
  for _, id in ipairs(redis.call('ZRANGE', in_namespace(memory_times_key, of_namespace), 0, -1)) do
    count = count + forget_memory(id)
  end
  if count > 0 then charge(' memories', -1) end
  return count
end

if memory_id == '' then return of_namespace == '' and forget_all() or forget_namespace() end
if forget_memory(memory_id, true) == 0 then
  return redis.error_reply('CHATNOMEMORY no such memory')
end
charge(' memories', -1)
return 1
