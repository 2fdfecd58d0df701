-- Finds evicted turns by their terms: a turn's score is its BM25, and a share of the scores of the
-- turns before and after it. Comes after `index`.
--
-- A turn's place in the archive is its number less that of the first turn, or a lower place if
-- turns between the two are missing.
local function scores_of(wanted)
  local head = redis.call('HMGET', index_key, ' count', ' terms')
  local indexed, total = tonumber(head[1] or 0), tonumber(head[2] or 0)
  local scores = {}
  if #wanted == 0 or indexed < 1 then return scores end
  local mean = math.max(1, total / indexed)
  local even, by_length = BM25_K1 * (1 - BM25_B), BM25_K1 * BM25_B
  local sizes, shares, read = {}, {}, 0
  for place, term in ipairs(wanted) do
    local low, high, newest = chunks_of(term)
    sizes[place] = {term, (high - low) * CHUNK_BYTES + #newest}
  end
  table.sort(sizes, function(a, b) return a[2] < b[2] end)
  for _, sized in ipairs(sizes) do
    read = read + sized[2]
    if read <= MAX_READ_BYTES then
      local postings = postings_of(sized[1])
      local _, found = string.gsub(postings, ';', '')
      local weight = math.log(1 + (indexed - found + 0.5) / (found + 0.5)) * (BM25_K1 + 1)
      if weight > 0 then
        for number, rest in string.gmatch(postings, '(%d+):([^;]+)') do
          local share = shares[rest]
          if not share then
            local times, length = string.match(rest, '(%d+):(%d+)')
            share = times / (times + even + by_length * length / mean)
            shares[rest] = share
          end
          number = number + 0
          scores[number] = (scores[number] or 0) + weight * share
        end
      end
    end
  end
  return scores
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
    local shared = score + NEIGHBOUR_SHARE * ((before or 0) + (after or 0))
    if shared >= least then offer(number, shared) end
    if not before then
      shared = NEIGHBOUR_SHARE * (score + (scores[number - 2] or 0))
      if shared >= least then offer(number - 1, shared) end
    end
    if not after and not scores[number + 2] then
      shared = NEIGHBOUR_SHARE * score
      if shared >= least then offer(number + 1, shared) end
    end
  end
  return top
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
  for _, found in ipairs(best(scores_of(wanted), most)) do
    local turn = first and archived(found[1], first, length)
    if turn then
      turns[#turns + 1] = turn
      scores[#scores + 1] = string.format('%.4f', found[2])
    end
  end
  return redis.status_reply('[' .. table.concat(turns, ',') .. ']'), table.concat(scores, ' ')
end
