-- Finds evicted turns by their terms, and tells what they were found by. Comes after `index`.
--
-- A turn's own score is its BM25, weighed with the share of the prompt that it has; to it comes a
-- share of the own scores of the turns before and after it. `chat/context/ranking.py` has the same
-- measure for turns that are not indexed yet.
--
-- A turn's place in the archive is its number less that of the first turn, or a lower place if
-- turns between the two are missing.
local function scores_of(wanted)
  local head = redis.call('HMGET', index_key, ' count', ' terms')
  local indexed, total = tonumber(head[1] or 0), tonumber(head[2] or 0)
  local scores, read, counts = {}, {}, {}
  for place = 1, #wanted do counts[place] = indexed < 1 and 0 or -1 end
  local told = string.format('%.0f %.0f ', indexed, total)
  if #wanted == 0 or indexed < 1 then return scores, read, told .. table.concat(counts, ' ') end
  local mean = math.max(1, total / indexed)
  local even, by_length = BM25_K1 * (1 - BM25_B), BM25_K1 * BM25_B
  local sizes, shares, matched, bytes, most = {}, {}, {}, 0, 0
  for place, term in ipairs(wanted) do
    local low, high, newest = chunks_of(term)
    sizes[place] = {term, (high - low) * CHUNK_BYTES + #newest, place}
  end
  table.sort(sizes, function(a, b) return a[2] < b[2] end)
  for _, sized in ipairs(sizes) do
    bytes = bytes + sized[2]
    if bytes <= MAX_READ_BYTES then
      local postings = postings_of(sized[1])
      local _, found = string.gsub(postings, ';', '')
      local weight = math.log(1 + (indexed - found + 0.5) / (found + 0.5))
      counts[sized[3]], read[sized[3]] = found, postings
      if weight > 0 then
        most = most + weight
        for number, rest in string.gmatch(postings, '(%d+):([^;]+)') do
          local share = shares[rest]
          if not share then
            local times, length = string.match(rest, '(%d+):(%d+)')
            share = times / (times + even + by_length * length / mean)
            shares[rest] = share
          end
          number = number + 0
          scores[number] = (scores[number] or 0) + weight * share
          matched[number] = (matched[number] or 0) + weight
        end
      end
    end
  end
  for number, score in pairs(scores) do
    scores[number] = score * (BM25_K1 + 1) * (matched[number] / most) ^ COVERAGE
  end
  return scores, read, told .. table.concat(counts, ' ')
end

local function is_better(number, score, than)
  return score > than[2] or (score == than[2] and number > than[1])
end

local function best(scores, most)
  local top, least = {}, 0
  local function offer(number, score)
    local last = top[most]
    if last and not is_better(number, score, last) then return end
    local place = last and most or #top + 1
    while place > 1 and is_better(number, score, top[place - 1]) do
      top[place] = top[place - 1]
      place = place - 1
    end
    top[place] = {number, score}
    least = top[most] and top[most][2] or 0
  end
  for number, score in pairs(scores) do
    local before, after = scores[number - 1], scores[number + 1]
    local shared = score + BEFORE_SHARE * (before or 0) + AFTER_SHARE * (after or 0)
    if shared >= least then offer(number, shared) end
    if not before then
      shared = AFTER_SHARE * score + BEFORE_SHARE * (scores[number - 2] or 0)
      if shared >= least then offer(number - 1, shared) end
    end
    if not after and not scores[number + 2] then
      shared = BEFORE_SHARE * score
      if shared >= least then offer(number + 1, shared) end
    end
  end
  return top
end

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
  local of_all, read, counted = scores_of(wanted)
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
