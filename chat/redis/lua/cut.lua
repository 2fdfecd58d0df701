-- Forgets all messages of a conversation from a place on; the conversation stays, and its next turn
-- has the number that it would have had. Returns how many messages and memories were forgotten; and
-- 1 if there were many memories, so that some of these and all messages are left, else 0.
--
-- The place is `first_number` and `first_index`; the first place of all empties the conversation.
-- `turn_count` is how many turns there were when the turns to be cut were read, or '' if that does
-- not matter. `old` is the turn of which a part stays, and `new` is that part, or both are ''.
-- `old_terms` has the number, the terms and the length of each turn that has such messages,
-- and `new_terms` those of `new`, as JSON. A title that is `made_title` is taken away: it was made
-- of a message that goes.
--
-- The lock is given back if it is this request's.
local first, index = tonumber(first_number), tonumber(first_index)
local last = redis.call('HGET', conversation_key, 'turn_count')
local from, place
if old ~= '' then from, place = find_turn(old) end
if turn_count ~= '' and turn_count ~= last or old ~= '' and not place then
  return redis.error_reply('CHATBUSY a turn was stored or changed meanwhile')
end
local said, memories, unsaid = 0, 0, 0

local function empty()
  said = messages_kept()
  if not said then
    count_messages(0, last)
    said = messages_kept()
  end
  redis.call('DEL', turns_key, archive_key, done_key, embeddings_key, index_key)
  redis.call('HSET', conversation_key, 'evicted_count', 0)
end

local function terms_of()
  local found = {}
  for _, entry in ipairs(cjson.decode(old_terms)) do found[entry[1]] = entry end
  return found
end

local function cut(key, terms)
  while true do
    local turn = redis.call('LINDEX', key, -1)
    local number = turn and number_of(turn)
    if not turn or number < first or (number == first and old ~= '') then return end
    redis.call('RPOP', key)
    grown = grown - #turn - ITEM_BYTES
    said = said + messages_in(turn)
    if key == archive_key then
      if terms[number] then unindex(terms[number]) end
      redis.call('HINCRBY', conversation_key, 'evicted_count', -1)
    else
      unsaid = unsaid + cjson.decode(turn).tokens[3]
    end
  end
end

local function cut_all()
  local terms = terms_of()
  cut(turns_key, terms)
  cut(archive_key, terms)
  if place then
    if from == archive_key then unindex(terms[first], cjson.decode(new_terms)) end
    redis.call('LSET', from, place, new)
    grown = grown + #new - #old
    said = said + messages_in(old) - messages_in(new)
  end
  forget_beside(function(number) return number >= first end)
end

-- The bound of the tokens in the window: what it was, less what was cut at least; or that of the
-- system context and of each turn that is left, if that is lower.
local function set_window_tokens()
  local head = redis.call('HMGET', conversation_key, 'context_tokens', 'window_tokens')
  local left = tonumber(head[1] or 0)
  for _, turn in ipairs(redis.call('LRANGE', turns_key, 0, -1)) do
    local tokens = cjson.decode(turn).tokens
    left = left + tokens[1] + tokens[2]
  end
  redis.call('HSET', conversation_key, 'window_tokens',
    string.format('%.0f', math.min(left, (tonumber(head[2]) or left) - unsaid)))
end

-- An emptied conversation takes as much as a new one; to add up what it had could take long.
local function recount()
  local head = redis.call('HMGET', conversation_key, 'context', 'title', 'namespace')
  local title = head[2] and #'title' + #head[2] + FIELD_BYTES or 0
  local namespace = head[3] and #'namespace' + #head[3] + FIELD_BYTES or 0
  local before = owner and tonumber(redis.call('HGET', usage_key, conversation_id)) or 0
  grown = CONVERSATION_BYTES + #head[1] + title + namespace - before
end

local function is_cut(id)
  local number, at = string.match(id, '^' .. conversation_id .. '%.(%d+)%.(%d+)$')
  number, at = tonumber(number), tonumber(at)
  return number and (number > first or number == first and at >= index)
end

if memories_key then
  local is_left
  memories, is_left = forget_portion(redis.call('HKEYS', memories_key), is_cut)
  if memories > 0 then charge(' memories', -1) end
  if is_left == 1 then return {0, memories, 1} end
end
local is_empty = first == 1 and index == 0
if is_empty then empty() else cut_all() end
count_messages(0 - said, last)
set_window_tokens()
redis.call('HSET', conversation_key, 'kept', kept(last), 'v', SCHEMA)
if made_title ~= '' and redis.call('HGET', conversation_key, 'title') == made_title then
  take(conversation_key, 'title')
end
unfold(first)
if is_empty then recount() end
charge_conversation(conversation_id, conversation_key)
if holder == fencing then redis.call('DEL', lock_key) end
return {said, memories, 0}
