-- Scores what is indexed by its terms, and keeps the best.
--
-- An own score is the BM25, weighed with the share of the prompt that is there; to it comes a share
-- of the own scores of the neighbours, those with the numbers before and after it. The same measure
-- is in `chat/context/measure.py`.
--
-- `indexed` is how much is indexed, `total` the sum of the lengths; `size_of` returns about how
-- many bytes the postings of a term have, and `read_all` returns them. Returns the own scores by
-- number, the postings by the terms' places, and how much has each term as text: see
-- `parse_matches`.
local function scores_of(wanted, indexed, total, size_of, read_all)
  local scores, read, counts = {}, {}, {}
  for place = 1, #wanted do counts[place] = indexed < 1 and 0 or -1 end
  local told = string.format('%.0f %.0f ', indexed, total)
  if #wanted == 0 or indexed < 1 then return scores, read, told .. table.concat(counts, ' ') end
  local mean = math.max(1, total / indexed)
  local even, by_length = BM25_K1 * (1 - BM25_B), BM25_K1 * BM25_B
  local sizes, shares, matched, bytes, most = {}, {}, {}, 0, 0
  for place, term in ipairs(wanted) do
    sizes[place] = {term, size_of(term), place}
  end
  table.sort(sizes, function(a, b) return a[2] < b[2] end)
  for _, sized in ipairs(sizes) do
    bytes = bytes + sized[2]
    if bytes <= MAX_READ_BYTES then
      local postings = read_all(sized[1])
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
