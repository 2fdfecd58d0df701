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
local holder = redis.call('HGET', memory_texts_key, text)
if holder and holder ~= id then return redis.error_reply('CHATREMEMBERED already') end
put(memories_key, id, record)
redis.call('HDEL', memory_texts_key, cjson.decode(before).text)
redis.call('HSET', memory_texts_key, text, id)
if signature ~= '' then
  put(memory_signatures_key, id, signature)
  put(memory_embeddings_key, id, embedding)
  redis.call('DEL', memory_rows_key)
  unindex_memory(id)
  index_memory(id, terms, length)
end
charge(' memories', -1)
return 1
