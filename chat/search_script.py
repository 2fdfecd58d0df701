"""Finds evicted turns by terms, inside the script that loads a conversation."""

from chat.scripts import CHUNK_BYTES

MOST_READ_BYTES = 12_000
"""The postings that a search reads, the rarest terms' first: about 1,500, whatever the history. The
terms that are left out then are those that say least."""
BM25_K1, BM25_B = 1.2, 0.75
"""Source: Robertson and Zaragoza, The Probabilistic Relevance Framework (2009)."""
NEIGHBOUR_SHARE = 0.3
"""What a turn gets of the score of the one before and of the one after: talk goes on."""
SEARCH = f"""
local function scores_of(terms)
  local head = redis.call('HMGET', KEYS[7], ' count', ' terms')
  local count, total = tonumber(head[1] or 0), tonumber(head[2] or 0)
  local scores = {{}}
  if #terms == 0 or count < 1 then return scores end
  local mean = math.max(1, total / count)
  local sizes, read = {{}}, 0
  for place, term in ipairs(terms) do
    local low, high, newest = chunks_of(term)
    sizes[place] = {{term, (high - low) * {CHUNK_BYTES} + #newest}}
  end
  table.sort(sizes, function(a, b) return a[2] < b[2] end)
  for _, sized in ipairs(sizes) do
    read = read + sized[2]
    if read <= {MOST_READ_BYTES} then
      local postings = postings_of(sized[1])
      local _, found = string.gsub(postings, ';', '')
      local weight = math.log(1 + (count - found + 0.5) / (found + 0.5))
      if weight > 0 then
        for number, times, length in string.gmatch(postings, '(%d+):(%d+):(%d+);') do
          number = tonumber(number)
          scores[number] = (scores[number] or 0) + weight * times * {BM25_K1 + 1}
            / (times + {BM25_K1} * ({1 - BM25_B} + {BM25_B} * length / mean))
        end
      end
    end
  end
  return scores
end

local function best(scores, most)
  local shared = {{}}
  for number, score in pairs(scores) do
    shared[number] = (shared[number] or 0) + score
    for _, beside in ipairs({{number - 1, number + 1}}) do
      shared[beside] = (shared[beside] or 0) + score * {NEIGHBOUR_SHARE}
    end
  end
  local top = {{}}
  for number, score in pairs(shared) do
    local last = top[most]
    if not last or score > last[2] or (score == last[2] and number > last[1]) then
      if last then top[most] = nil end
      top[#top + 1] = {{number, score}}
      table.sort(top, function(a, b)
        return a[2] > b[2] or (a[2] == b[2] and a[1] > b[1])
      end)
    end
  end
  return top
end

local function archived(number)
  local low, high = 0, redis.call('LLEN', KEYS[3])
  while low < high do
    local middle = math.floor((low + high) / 2)
    local turn = redis.call('LINDEX', KEYS[3], middle)
    local found = number_of(turn)
    if found == number then return turn end
    if found > number then high = middle else low = middle + 1 end
  end
end

local function search(terms, most)
  local turns, scores = {{}}, {{}}
  for _, found in ipairs(best(scores_of(terms), most)) do
    local turn = archived(found[1])
    if turn then
      turns[#turns + 1] = turn
      scores[#scores + 1] = string.format('%.4f', found[2])
    end
  end
  return redis.status_reply('[' .. table.concat(turns, ',') .. ']'), table.concat(scores, ' ')
end
"""
"""Find evicted turns by terms: BM25, and a share of the neighbours' scores."""
