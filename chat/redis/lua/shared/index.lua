-- The index of evicted turns by term. Comes after `account` and `numbers`.
--
-- A posting of a term is `number:times:length;`: the turn's number, how often the term is in the
-- turn, and how many terms the turn has. Postings are in chunks, in the fields `term 0`, `term 1`
-- and so on. The field `term` has the numbers of the oldest chunk and of the newest, and the newest
-- chunk itself. The fields ` count` and ` terms`, which cannot be terms, have the number of indexed
-- turns and the sum of their lengths. When a term is indexed again, its oldest chunk is removed if
-- all turns of this chunk have left the archive.
local function chunks_of(term)
  local head = redis.call('HGET', index_key, term)
  if not head then return 0, 0, '', 0 end
  local low, high, newest = string.match(head, '^(%d+),(%d+)|(.*)$')
  return tonumber(low), tonumber(high), newest, #head
end

local function postings_of(term)
  local low, high, newest = chunks_of(term)
  local parts = {}
  for chunk = low, high - 1 do
    parts[#parts + 1] = redis.call('HGET', index_key, term .. ' ' .. chunk) or ''
  end
  return table.concat(parts) .. newest
end

-- Replaces the postings of a turn by those of what is left of it, each in its place: postings are
-- in the order of their numbers. `left` has the terms that are left; all of them were there before.
local function replace_terms(number, terms, left, length)
  local own = ';' .. number .. ':%d+:%d+;'
  for term in pairs(terms) do
    local other = left[term] and ';' .. number .. ':' .. left[term] .. ':' .. length .. ';' or ';'
    local low, high, newest = chunks_of(term)
    for chunk = low, high - 1 do
      local field = term .. ' ' .. chunk
      local rest = string.gsub(';' .. (redis.call('HGET', index_key, field) or ''), own, other, 1)
      put(index_key, field, string.sub(rest, 2))
    end
    local rest = string.sub(string.gsub(';' .. newest, own, other, 1), 2)
    if low == high and rest == '' then
      take(index_key, term)
    else
      put(index_key, term, low .. ',' .. high .. '|' .. rest)
    end
  end
end

local function index_terms(number, terms, length)
  local oldest = redis.call('LINDEX', archive_key, 0)
  local first = oldest and number_of(oldest) or 0
  for term, times in pairs(terms) do
    local low, high, newest, before = chunks_of(term)
    if #newest > CHUNK_BYTES then
      put(index_key, term .. ' ' .. high, newest, 0)
      high, newest = high + 1, ''
    end
    local field = term .. ' ' .. low
    local chunk = low < high and redis.call('HGET', index_key, field)
    local eldest = chunk and string.match(chunk, '(%d+):%d+:%d+;$')
    if eldest and tonumber(eldest) < first then
      take(index_key, field)
      low = low + 1
    end
    local posting = number .. ':' .. times .. ':' .. length .. ';'
    put(index_key, term, low .. ',' .. high .. '|' .. newest .. posting, before)
  end
  redis.call('HINCRBY', index_key, ' count', 1)
  redis.call('HINCRBY', index_key, ' terms', length)
end
