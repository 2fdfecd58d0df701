-- Finds evicted turns by their terms, and tells what they were found by. Comes after `index` and
-- `score`.
--
-- A turn's place in the archive is its number less that of the first turn, or a lower place if
-- turns between the two are missing.
-- Returns the postings of the turns in `top` and of their neighbours: for each the turn's number,
-- the term's place, how often the term is in the turn, and the turn's length.
local function told_of(top, read)
  local near, told = {}, {}
  for _, found in ipairs(top) do
    for number = found[1] - 1, found[1] + 1 do near[number] = true end
  end
  for place, postings in pairs(read) do
    for number, rest in string.gmatch(postings, '(%d+):([^;]+)') do
      if near[number + 0] then told[#told + 1] = number .. ':' .. place .. ':' .. rest end
    end
  end
  return table.concat(told, ' ')
end

local function archived(number, first, length)
  local low, high, middle = 0, length, math.min(number - first, length - 1)
  while low <= middle and middle < high do
    local turn = redis.call('LINDEX', archive_key, middle)
    local found = number_of(turn)
    if found == number then return turn end
    if found > number then high = middle else low = middle + 1 end
    middle = math.floor((low + high) / 2)
  end
end

local function search(wanted, most)
  local turns, scores = {}, {}
  local oldest, length = redis.call('LINDEX', archive_key, 0), redis.call('LLEN', archive_key)
  local first = oldest and number_of(oldest)
  local head = redis.call('HMGET', index_key, ' count', ' terms')
  local indexed, total = tonumber(head[1] or 0), tonumber(head[2] or 0)
  local of_all, read, counted = scores_of(wanted, indexed, total, function(term)
    local low, high, newest = chunks_of(term)
    return (high - low) * CHUNK_BYTES + #newest
  end, postings_of)
  local top = best(of_all, most)
  for _, found in ipairs(top) do
    local turn = first and archived(found[1], first, length)
    if turn then
      turns[#turns + 1] = turn
      scores[#scores + 1] = string.format('%.4f', found[2])
    end
  end
  return redis.status_reply('[' .. table.concat(turns, ',') .. ']'), table.concat(scores, ' '),
    redis.status_reply(counted), redis.status_reply(told_of(top, read))
end
