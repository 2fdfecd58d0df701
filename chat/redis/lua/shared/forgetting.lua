-- Replaces and removes turns, and what is kept of them beside. Comes after `account`, `numbers`,
-- `index` and `folded`.
local function find_turn(turn)
  for _, key in ipairs({turns_key, archive_key}) do
    local place = redis.call('LPOS', key, turn)
    if place then return key, place end
  end
end

-- Takes the terms of an archived turn out of the index. `before` has the number, the terms and the
-- length of the turn, and `after` those of what is left of it; it is nil if nothing is.
local function unindex(before, after)
  replace_terms(before[1], before[2], after and after[2] or {}, after and after[3] or 0)
  if not after then redis.call('HINCRBY', index_key, ' count', -1) end
  redis.call('HINCRBY', index_key, ' terms', (after and after[3] or 0) - before[3])
end

-- Forgets the results that were kept for repeated requests of turns, and the turns' embeddings.
local function forget_beside(is_gone)
  local flat = redis.call('HGETALL', done_key)
  for i = 1, #flat, 2 do
    if is_gone(tonumber(string.match(flat[i + 1], '^%x+:(%d+):'))) then take(done_key, flat[i]) end
  end
  for _, field in ipairs(redis.call('HKEYS', embeddings_key)) do
    if is_gone(tonumber(string.match(field, ':(%d+)%.%d+$'))) then take(embeddings_key, field) end
  end
end

-- Notes that messages of turns from this number on were forgotten. A summary that covers one of
-- them is removed, and is made anew behind later turns.
local function unfold(number)
  local _, last = folded()
  redis.call('HINCRBY', conversation_key, 'forgotten', 1)
  if last >= number then take(conversation_key, 'summary') end
end
