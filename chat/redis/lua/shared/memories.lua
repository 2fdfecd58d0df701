-- Stores and removes an owner's memories. Comes after `is`, `account` and `memory_index`.
--
-- The rows are one string with all ids and signatures. A search makes the rows, and they are kept
-- until a memory is removed or gets another signature. To put ten thousand memories together takes
-- Redis twenty milliseconds; to return the string takes one or two.
--
-- A memory that is to be stored is a list: id, time, digest of the text, record, signature,
-- embedding, terms with their counts, and the sum of these. It is not stored if another memory has
-- exactly the same text, or if its id is taken: a memory that was restated keeps its id. If there
-- are too many memories, the oldest ones that are not pinned are forgotten.

-- Refuses an embedding whose length differs from that of the newest memory's embedding, if the same
-- model made both.
local function other_length(memories)
  local newest = redis.call('ZREVRANGE', memory_times_key, 0, 0)[1]
  local before = newest and redis.call('HGET', memory_embeddings_key, newest) or ''
  if before == '' then return end
  local function tag(signature) return string.sub(signature, 1, -SIGNATURE_DIGITS - 1) end
  local function digits(embedding) return #string.gsub(embedding, '=+$', '') end
  local made_by = tag(redis.call('HGET', memory_signatures_key, newest) or '')
  for _, memory in ipairs(memories) do
    local signature, embedding = memory[5], memory[6]
    if embedding ~= '' and tag(signature) == made_by and digits(embedding) ~= digits(before) then
      return redis.error_reply('CHATLENGTH an embedding is longer or shorter than before')
    end
  end
end

local function corrupt_memories()
  if not (is(memories_key, 'hash') and is(memory_times_key, 'zset')
      and is(memory_texts_key, 'hash') and is(memory_signatures_key, 'hash')
      and is(memory_embeddings_key, 'hash') and is(memory_rows_key, 'string')
      and is(memory_index_key, 'hash')) then
    return redis.error_reply('CHATCORRUPT a key of the memories has another type')
  end
end

local function refused(memories)
  return corrupt_memories() or other_length(memories)
end

local function forget_memory(id)
  local record = redis.call('HGET', memories_key, id)
  if not record then return 0 end
  local text = cjson.decode(record).text
  if redis.call('HGET', memory_texts_key, text) == id then
    redis.call('HDEL', memory_texts_key, text)
  end
  take(memories_key, id)
  redis.call('ZREM', memory_times_key, id)
  take(memory_signatures_key, id)
  take(memory_embeddings_key, id)
  unindex_memory(id)
  grown = grown - MEMORY_BYTES
  redis.call('DEL', memory_rows_key)
  return 1
end

local function forget_beginning(beginning)
  local forgotten = 0
  for _, id in ipairs(redis.call('HKEYS', memories_key)) do
    if string.sub(id, 1, #beginning) == beginning then
      forgotten = forgotten + forget_memory(id)
    end
  end
  return forgotten
end

local function make_room(most)
  local over = redis.call('ZCARD', memory_times_key) - most
  if most == 0 or over <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGE', memory_times_key, 0, -1)) do
    if over == 0 then return end
    if not cjson.decode(redis.call('HGET', memories_key, id) or '{}').pinned then
      over = over - forget_memory(id)
    end
  end
end

local function remember(memories, most)
  local ids, has_rows = {}, redis.call('EXISTS', memory_rows_key) == 1
  for place, memory in ipairs(memories) do
    local id, at, text, record, signature, embedding, terms, length = unpack(memory)
    if redis.call('HEXISTS', memories_key, id) == 1 then
      text = cjson.decode(redis.call('HGET', memories_key, id)).text
    elseif redis.call('HSETNX', memory_texts_key, text, id) == 1 then
      put(memories_key, id, record)
      redis.call('ZADD', memory_times_key, at, id)
      put(memory_signatures_key, id, signature)
      put(memory_embeddings_key, id, embedding)
      index_memory(id, terms, length)
      grown = grown + MEMORY_BYTES
      if has_rows then redis.call('APPEND', memory_rows_key, ' ' .. id .. ' ' .. signature) end
    end
    ids[place] = redis.call('HGET', memory_texts_key, text)
  end
  make_room(most)
  return ids
end
