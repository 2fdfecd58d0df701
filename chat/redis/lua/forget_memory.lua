-- Forgets one memory; or if `memory_id` is '' all of `of_namespace`, or all if that
-- is '', too. Returns how many were forgotten, and 1 if more are left to be, else 0.
local function forget_all()
  local count = redis.call('HLEN', memories_key)
  for _, one in ipairs(redis.call('HKEYS', memory_namespaces_key)) do
    redis.call('DEL', in_namespace(memory_times_key, one), in_namespace(memory_texts_key, one),
      in_namespace(memory_signatures_key, one), in_namespace(memory_index_key, one),
      rows_in(one))
  end
  redis.call('DEL', memories_key, memory_times_key, memory_texts_key, memory_signatures_key,
    memory_embeddings_key, memory_rows_key, memory_sketches_key, memory_index_key,
    memory_namespaces_key)
  drop(' memories')
  return count
end

local function forget_namespace()
  local ids = redis.call('ZRANGE', in_namespace(memory_times_key, of_namespace), 0, PORTION)
  local count, is_left = forget_portion(ids, function() return true end)
  if count > 0 then charge(' memories', -1) end
  return {count, is_left}
end

if memory_id == '' then return of_namespace == '' and {forget_all(), 0} or forget_namespace() end
if forget_memory(memory_id, true) == 0 then
  return redis.error_reply('CHATNOMEMORY no such memory')
end
charge(' memories', -1)
return {1, 0}
