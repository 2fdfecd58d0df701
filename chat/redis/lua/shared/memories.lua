-- What the scripts that store something share of an owner's memories. Behind `is` and `account`.
--
-- The rows are all ids and signatures in one string, made by a search and kept until one goes away:
-- to put ten thousand together takes Redis twenty milliseconds, and to give them as they are, one
-- or two.
--
-- A memory to be remembered is id, time, digest of the text, record, signature and embedding. One
-- that says the same as another, word for word, is not; nor is one whose id is taken, which was
-- restated since. The oldest that are not pinned make room.

-- Refuses embeddings that do not compare with that of the newest memory, if one model made both.
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
      and is(memory_embeddings_key, 'hash') and is(memory_rows_key, 'string')) then
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
    local id, at, text, record, signature, embedding = unpack(memory)
    if redis.call('HEXISTS', memories_key, id) == 1 then
      text = cjson.decode(redis.call('HGET', memories_key, id)).text
    elseif redis.call('HSETNX', memory_texts_key, text, id) == 1 then
      put(memories_key, id, record)
      redis.call('ZADD', memory_times_key, at, id)
      put(memory_signatures_key, id, signature)
      put(memory_embeddings_key, id, embedding)
      grown = grown + MEMORY_BYTES
      if has_rows then redis.call('APPEND', memory_rows_key, ' ' .. id .. ' ' .. signature) end
    end
    ids[place] = redis.call('HGET', memory_texts_key, text)
  end
  make_room(most)
  return ids
end
