-- Stores and removes an owner's memories. Comes after `is`, `account`, `namespaces`, `memory_index`
-- and `memory_rows`.
--
-- Records, embeddings and times of all memories are together. Texts, signatures, rows and the index
-- of words are apart for each namespace, and times once more: so a search can only find memories of
-- its namespace.
--
-- A search makes the rows, which takes Redis tens of milliseconds for ten thousand memories. What
-- changes one memory changes the rows with it, and what removes many removes the rows.
--
-- A memory that is to be stored is a list: id, time, digest of the text, record, signature,
-- embedding, terms with their counts, and the sum of these. It is not stored if another memory has
-- exactly the same text, or if its id is taken: a memory that was restated keeps its id. If there
-- are too many memories, the oldest ones that are not pinned are forgotten.

local function namespace_of(record) return record and cjson.decode(record).namespace end

-- How many values an embedding has: base64 of a byte for each, and of a scale in four bytes, behind
-- `*`; without that, of two bytes for each.
local function values_of(embedding)
  local is_packed = string.sub(embedding, 1, 1) == '*'
  local bytes = math.floor(#string.gsub(embedding, '[*=]', '') * 3 / 4)
  return is_packed and bytes - 4 or bytes / 2
end

-- Refuses an embedding whose length differs from that of the newest memory's embedding, if the same
-- model made both.
local function other_length(memories)
  local newest = redis.call('ZREVRANGE', memory_times_key, 0, 0)[1]
  local before = newest and redis.call('HGET', memory_embeddings_key, newest) or ''
  if before == '' then return end
  local function tag(signature) return string.sub(signature, 1, -SIGNATURE_DIGITS - 1) end
  local namespace = namespace_of(redis.call('HGET', memories_key, newest))
  local signatures = in_namespace(memory_signatures_key, namespace)
  local made_by = tag(redis.call('HGET', signatures, newest) or '')
  for _, memory in ipairs(memories) do
    local signature, embedding = memory[5], memory[6]
    local is_other = embedding ~= '' and values_of(embedding) ~= values_of(before)
    if is_other and tag(signature) == made_by then
      return redis.error_reply('CHATLENGTH an embedding is longer or shorter than before')
    end
  end
end

local function corrupt_memories()
  if not (is(memories_key, 'hash') and is(memory_times_key, 'zset')
      and is(memory_texts_key, 'hash') and is(memory_signatures_key, 'hash')
      and is(memory_embeddings_key, 'hash') and is(memory_rows_key, 'string')
      and is(memory_sketches_key, 'string') and is(memory_index_key, 'hash')
      and is(memory_namespaces_key, 'hash')) then
    return redis.error_reply('CHATCORRUPT a key of the memories has another type')
  end
end

local function refused(memories)
  return corrupt_memories() or other_length(memories)
end

local function rows_in(namespace)
  return in_namespace(memory_rows_key, namespace), in_namespace(memory_sketches_key, namespace)
end

-- Notes that a namespace has so many memories more.
local function count_in(namespace, by)
  local count = (redis.call('HGET', memory_namespaces_key, namespace) or 0) + by
  if count > 0 then
    put(memory_namespaces_key, namespace, count)
  else
    take(memory_namespaces_key, namespace)
  end
end

local function forget_memory(id, keeps_rows)
  local record = redis.call('HGET', memories_key, id)
  if not record then return 0 end
  local fields = cjson.decode(record)
  local namespace = fields.namespace
  local texts = in_namespace(memory_texts_key, namespace)
  if redis.call('HGET', texts, fields.text) == id then redis.call('HDEL', texts, fields.text) end
  take(memories_key, id)
  redis.call('ZREM', memory_times_key, id)
  take(in_namespace(memory_signatures_key, namespace), id)
  take(memory_embeddings_key, id)
  unindex_memory(in_namespace(memory_index_key, namespace), id)
  grown = grown - MEMORY_BYTES
  local rows, sketches = rows_in(namespace)
  if keeps_rows then drop_row(rows, sketches, id) else redis.call('DEL', rows, sketches) end
  if namespace then
    redis.call('ZREM', in_namespace(memory_times_key, namespace), id)
    count_in(namespace, -1)
  end
  return 1
end

-- Forgets the memories of which `is_meant` says so, up to a portion of them, so that no other
-- request waits for long. Returns how many there were, and 1 if more are left, else 0.
local function forget_portion(ids, is_meant)
  local forgotten = 0
  for _, id in ipairs(ids) do
    if is_meant(id) then
      if forgotten == PORTION then return forgotten, 1 end
      forgotten = forgotten + forget_memory(id)
    end
  end
  return forgotten, 0
end

-- Forgets a portion at once if far too many were stored while more were allowed.
local function make_room(most, added)
  local over = math.min(redis.call('ZCARD', memory_times_key) - most, PORTION + added)
  if most == 0 or over <= 0 then return end
  local keeps_rows = over <= FEW
  for _, id in ipairs(redis.call('ZRANGE', memory_times_key, 0, -1)) do
    if over == 0 then return end
    if not cjson.decode(redis.call('HGET', memories_key, id) or '{}').pinned then
      over = over - forget_memory(id, keeps_rows)
    end
  end
end

local function store(memory, namespace)
  local id, at, _, record, signature, embedding, terms, length = unpack(memory)
  put(memories_key, id, record)
  redis.call('ZADD', memory_times_key, at, id)
  put(in_namespace(memory_signatures_key, namespace), id, signature)
  put(memory_embeddings_key, id, embedding)
  index_memory(in_namespace(memory_index_key, namespace), id, terms, length)
  grown = grown + MEMORY_BYTES
  local rows, sketches = rows_in(namespace)
  add_row(rows, sketches, id, signature)
  if namespace then
    redis.call('ZADD', in_namespace(memory_times_key, namespace), at, id)
    count_in(namespace, 1)
  end
end

local function remember(memories, most)
  local ids = {}
  for place, memory in ipairs(memories) do
    local id, text, record = memory[1], memory[3], redis.call('HGET', memories_key, memory[1])
    local namespace = namespace_of(record or memory[4])
    local texts = in_namespace(memory_texts_key, namespace)
    if record then
      text = cjson.decode(record).text
    elseif redis.call('HSETNX', texts, text, id) == 1 then
      store(memory, namespace)
    end
    ids[place] = redis.call('HGET', texts, text)
  end
  make_room(most, #memories)
  return ids
end
