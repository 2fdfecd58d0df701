-- Searches some of an owner's conversations by words, the latest activity first. Returns the best
-- messages as JSON, and where the next call begins: the score and the id of the last conversation
-- that was searched, '' and '' if that was the last one.
--
-- `beginning` is how the keys of the owner's conversations begin; `last_at` and `last_id` are what
-- the call before returned, '+inf' and '' for the first one. `wanted` has a list for each term: the
-- term, and beginnings of words in lower case by which it is found. Of evicted turns, those are
-- looked at whose index has most of the terms.
--
-- A message is a row: how many terms it has, its time, the conversation's id and title, the numbers
-- of the message, its role, and a part of its text with whether something stands before and behind.
local terms, most = cjson.decode(wanted), tonumber(limit)
local found, visited, bytes = {}, 0, 0
local beginnings = 0
for _, term in ipairs(terms) do beginnings = beginnings + #term - 1 end
local weight = math.max(1, beginnings / BEGINNINGS_AT_ONCE)

local function is_better(row, than)
  return row[1] > than[1] or (row[1] == than[1] and row[2] > than[2])
end

local function offer(rows, row, length)
  local last = rows[length]
  if last and not is_better(row, last) then return end
  local place = last and length or #rows + 1
  while place > 1 and is_better(row, rows[place - 1]) do
    rows[place] = rows[place - 1]
    place = place - 1
  end
  rows[place] = row
end

local function place_of(text, needle)
  local from = 1
  for _ = 1, MAX_TRIES do
    local at = string.find(text, needle, from, true)
    if not at then return end
    if at == 1 or not string.find(text, '^%w', at - 1) then return at end
    from = at + 1
  end
end

local function match(text)
  local count, first = 0, math.huge
  for _, term in ipairs(terms) do
    local best = math.huge
    for place = 2, #term do best = math.min(best, place_of(text, term[place]) or math.huge) end
    if best < math.huge then count, first = count + 1, math.min(first, best) end
  end
  return count, first
end

local function may_match(text)
  for _, term in ipairs(terms) do
    for place = 2, #term do
      if string.find(text, term[place], 1, true) then return true end
    end
  end
end

local function is_inner(byte) return byte and byte >= 128 and byte < 192 end

local function part_of(text, at)
  local begin, stop = math.max(1, at - BYTES_BEFORE), math.min(#text, at + BYTES_BEHIND)
  while is_inner(string.byte(text, begin)) do begin = begin + 1 end
  while is_inner(string.byte(text, stop + 1)) do stop = stop - 1 end
  return string.sub(text, begin, stop), begin > 1, stop < #text
end

local function read(rows, id, turn)
  bytes = bytes + DECODED * weight * #turn
  local fields = cjson.decode(turn)
  for place, message in ipairs(fields.messages) do
    if type(message) == 'table' then
      local count, at = match(string.lower(message[2]))
      if count > 0 then
        local said_at = type(message[3]) == 'number' and message[3] or fields.at
        local part, has_before, has_behind = part_of(message[2], at)
        offer(rows, {count, said_at, id, '', fields.n, place - 1, message[1], part, has_before,
          has_behind}, MAX_EACH)
      end
    end
  end
end

local function newest_postings(key, term)
  local head = redis.call('HGET', key, term)
  if not head then return '' end
  local low, high, postings = string.match(head, '^(%d+),(%d+)|(.*)$')
  for chunk = high - 1, low, -1 do
    if #postings >= MAX_POSTINGS_BYTES then break end
    postings = (redis.call('HGET', key, term .. ' ' .. chunk) or '') .. postings
  end
  bytes = bytes + DECODED * #postings
  return postings
end

local function evicted(key)
  local counts, best, turns = {}, {}, {}
  for _, term in ipairs(terms) do
    for number in string.gmatch(newest_postings(key .. ':index', term[1]), '(%d+):%d+:%d+;') do
      counts[number] = (counts[number] or 0) + 1
    end
  end
  for number, count in pairs(counts) do offer(best, {count, tonumber(number)}, MAX_EACH) end
  for _, one in ipairs(best) do
    if #found < most or one[1] >= found[most][1] then
      local archive = key .. ':archive'
      local turn = redis.call('LINDEX', archive, count_below(archive, one[2]))
      if turn and number_of(turn) == one[2] then turns[#turns + 1] = turn end
    end
  end
  return turns
end

local function look(id)
  local key, rows = beginning .. id, {}
  local head = redis.call('HMGET', key, 'created_at', 'title', 'v')
  if not head[1] then return end
  local too_new = newer(head[3])
  if too_new then return too_new end
  for _, turn in ipairs(redis.call('LRANGE', key .. ':turns', 0, -1)) do
    bytes = bytes + weight * #turn
    if may_match(string.lower(turn)) then read(rows, id, turn) end
  end
  for _, turn in ipairs(evicted(key)) do read(rows, id, turn) end
  if #rows == 0 then return end
  local title = head[2] or ''
  for _, row in ipairs(rows) do
    row[4] = title
    offer(found, row, most)
  end
end

local offset, size, at, name, is_over = 0, 50, last_at, last_id, false
repeat
  local flat = redis.call('ZREVRANGEBYSCORE', conversations_key, last_at, '-inf', 'WITHSCORES',
    'LIMIT', offset, size)
  for i = 1, #flat, 2 do
    if flat[i + 1] ~= last_at or flat[i] < last_id then
      is_over = visited >= MAX_VISITED or bytes >= MAX_SEARCHED_BYTES
      if is_over then break end
      local too_new = look(flat[i])
      if too_new then return too_new end
      visited, at, name = visited + 1, flat[i + 1], flat[i]
    end
  end
  offset = offset + size
until is_over or #flat < size * 2
for _, row in ipairs(found) do row[2] = string.format('%.17g', row[2]) end  -- cjson has 14 digits
return {redis.status_reply(#found == 0 and '[]' or cjson.encode(found)), is_over and at or '',
  is_over and name or ''}
