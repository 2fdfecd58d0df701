-- Copies evicted turns, their index and embeddings from a conversation to a new one, some in each
-- call. Returns where the next call begins, '' after the last one; how many turns the new
-- conversation has evicted, as of this call; and how many messages were copied.
--
-- `place` is '' for the first call, or what the call before returned. Turns with the number
-- `first_number` or a higher one are left out, and embeddings of messages from the one on that has
-- the numbers `cut_number` and `cut_index`.
--
-- The new conversation is locked, and its keys expire after `part_ms`, until all of it is restored.
-- The other one is not locked: turns that leave its window meanwhile have higher numbers. A term is
-- copied with all of its chunks at once, as they may be divided otherwise a moment later.
local refusal = erased() or full(place == '' and 'conversation')
if refusal then return refusal end
if redis.call('EXISTS', from_conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
if place == '' then
  if redis.call('EXISTS', conversation_key, lock_key) > 0 then
    return redis.error_reply('CHATTAKEN the id is another one')
  end
  redis.call('DEL', turns_key, archive_key, done_key, embeddings_key, index_key)
  redis.call('SET', lock_key, fencing)
  grown = CONVERSATION_BYTES
elseif redis.call('GET', lock_key) ~= fencing then
  return redis.error_reply('CHATBUSY another one came between')
end
local first, copied, bytes, said = tonumber(first_number), 0, 0, 0
local phase, cursor = string.match(place, '^(%a+) (%d+)$')
phase, cursor = phase or 'turns', cursor or '0'
local function is_over() return copied >= MAX_COPIED or bytes >= MAX_COPIED_BYTES end
local function note(size) copied, bytes = copied + 1, bytes + size end

local length = redis.call('LLEN', from_archive_key)
local stop = count_below(from_archive_key, first)
local evicted = redis.call('HGET', from_conversation_key, 'evicted_count') - (length - stop)
local is_whole = stop == length

local function copy_turns()
  local at = count_below(from_archive_key, tonumber(cursor) + 1)
  while at < stop and not is_over() do
    local some = redis.call('LRANGE', from_archive_key, at, math.min(at + 19, stop - 1))
    for _, turn in ipairs(some) do
      push(archive_key, turn)
      said = said + messages_in(turn)
      note(#turn)
      cursor, at = string.format('%.0f', number_of(turn)), at + 1
    end
  end
  if at >= stop then phase, cursor = 'index', '0' end
end

-- A term's postings are in the order of their numbers, so most chunks are kept or left out whole.
local function below(postings)
  if is_whole or postings == '' then return postings end
  if tonumber(string.match(postings, '^%d+')) >= first then return '' end
  local last = string.match(string.sub(postings, -LAST_BYTES), '(%d+):%d+:%d+;$')
  if tonumber(last) < first then return postings end
  bytes = bytes + SPLIT_BYTES
  for at, number in string.gmatch(postings, '()(%d+):%d+:%d+;') do
    if tonumber(number) >= first then return string.sub(postings, 1, at - 1) end
  end
end

local function copy_term(term, head)
  local low, high, newest = string.match(head, '^(%d+),(%d+)|(.*)$')
  local parts = {}
  low, high = tonumber(low), tonumber(high)
  for chunk = low, high - 1 do
    parts[chunk] = below(redis.call('HGET', from_index_key, term .. ' ' .. chunk) or '')
  end
  newest = below(newest)
  while newest == '' and high > low do high, newest = high - 1, parts[high - 1] end
  if newest == '' then return note(0) end
  for chunk = low, high - 1 do
    put(index_key, term .. ' ' .. chunk, parts[chunk])
    note(#parts[chunk])
  end
  put(index_key, term, low .. ',' .. high .. '|' .. newest)
  note(#newest)
end

-- The sum of the turns' lengths is estimated: a search needs their mean only.
local function count_terms()
  local head = redis.call('HMGET', from_index_key, ' count', ' terms')
  local indexed, count = tonumber(head[1] or 0), redis.call('LLEN', archive_key)
  if count == 0 then return end
  local mean = indexed > 0 and (head[2] or 0) / indexed or 0
  redis.call('HSET', index_key, ' count', count, ' terms', string.format('%.0f', mean * count))
end

local function scan(key, size, copy)
  while not is_over() do
    local found = redis.call('HSCAN', key, cursor, 'COUNT', size)
    for i = 1, #found[2], 2 do copy(found[2][i], found[2][i + 1]) end
    cursor = found[1]
    if cursor == '0' then return true end
  end
end

local function copy_postings(field, value)
  if not string.find(field, ' ', 1, true) then copy_term(field, value) end
end

local function copy_embedding(name, embedding)
  local number, index = string.match(name, ':(%d+)%.(%d+)$')
  number, index = tonumber(number), tonumber(index)
  local last, from = tonumber(cut_number), tonumber(cut_index)
  if number and (number < last or number == last and index < from) then
    put(embeddings_key, name, embedding)
  end
  note(#embedding)
end

if phase == 'turns' then copy_turns() end
if phase == 'index' and scan(from_index_key, 20, copy_postings) then
  count_terms()
  phase, cursor = 'embeddings', '0'
end
local is_done = phase == 'embeddings' and scan(from_embeddings_key, 20, copy_embedding)
for _, key in ipairs(conversation_keys) do redis.call('PEXPIRE', key, part_ms) end
charge_conversation(conversation_id, lock_key)
return {is_done and '' or phase .. ' ' .. cursor, evicted, said}
