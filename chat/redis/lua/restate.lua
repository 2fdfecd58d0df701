-- Replaces the memory that has the same id.
--
-- If the new memory's signature is '', its text has not changed, and the stored signature and
-- embedding stay.
local restated = cjson.decode(new_memory)
local id, _, text, record, signature, embedding, terms, length = unpack(restated)
local refusal = erased() or refused({restated})
if refusal then return refusal end
local before = redis.call('HGET', memories_key, id)
if not before then return redis.error_reply('CHATNOMEMORY no such memory') end
local namespace = namespace_of(before)
local texts = in_namespace(memory_texts_key, namespace)
local holder = redis.call('HGET', texts, text)
if holder and holder ~= id then return redis.error_reply('CHATREMEMBERED already') end
put(memories_key, id, record)
redis.call('HDEL', texts, cjson.decode(before).text)
redis.call('HSET', texts, text, id)
if signature ~= '' then
  put(in_namespace(memory_signatures_key, namespace), id, signature)
  put(memory_embeddings_key, id, embedding)
  local rows, sketches = rows_in(namespace)
  drop_row(rows, sketches, id)
  add_row(rows, sketches, id, signature)
  local index = in_namespace(memory_index_key, namespace)
  unindex_memory(index, id)
  index_memory(index, id, terms, length)
end
charge(' memories', -1)
return 1
