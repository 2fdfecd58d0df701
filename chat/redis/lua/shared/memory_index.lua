-- The index of an owner's memories by term, in the key `index`: one for each namespace. Comes after
-- `account`.
--
-- Each memory has a number, in the order in which they were remembered; only memories of the same
-- conversation have numbers next to each other, as their neighbours get a share of their scores. A
-- posting of a term is `number:times:length;`, as in a conversation's index. The postings of a term
-- are in buckets by number, in the fields `term 0`, `term 1` and so on, so that one can be removed
-- without a search; the field `term` has the numbers of its buckets, each between commas. Fields
-- that begin with a space cannot be terms: ` count` and ` terms` have the number of indexed
-- memories and the sum of their lengths, ` last` the highest number, ` in` the conversation of that
-- memory, ` of ID` a memory's number, length and terms as JSON, and ` at NUMBER` the id of the
-- memory with a number.
local function index_memory(index, id, terms, length)
  local said_in = string.match(id, '^%d+%.') or ''
  local step = said_in ~= '' and redis.call('HGET', index, ' in') == said_in and 1 or 3
  local number = redis.call('HINCRBY', index, ' last', step)
  redis.call('HSET', index, ' in', said_in)
  local bucket = math.floor(number / IN_BUCKET)
  for term, times in pairs(terms) do
    local buckets, name = redis.call('HGET', index, term) or ',', ',' .. bucket .. ','
    if not string.find(buckets, name, 1, true) then
      put(index, term, buckets .. bucket .. ',')
    end
    local field = term .. ' ' .. bucket
    local postings = redis.call('HGET', index, field) or ''
    put(index, field, postings .. number .. ':' .. times .. ':' .. length .. ';')
  end
  put(index, ' of ' .. id, cjson.encode({number, length, terms}))
  put(index, ' at ' .. string.format('%.0f', number), id)
  redis.call('HINCRBY', index, ' count', 1)
  redis.call('HINCRBY', index, ' terms', length)
end

local function remove_posting(index, term, bucket, number)
  local field = term .. ' ' .. bucket
  local postings = ';' .. (redis.call('HGET', index, field) or '')
  local at = string.find(postings, ';' .. number .. ':', 1, true)
  if not at then return end
  local behind = string.find(postings, ';', at + 1, true)
  local left = string.sub(postings, 2, at) .. string.sub(postings, behind + 1)
  if left ~= '' then
    put(index, field, left)
    return
  end
  take(index, field)
  local buckets = redis.call('HGET', index, term) or ','
  local others = string.gsub(buckets, ',' .. bucket .. ',', ',', 1)
  if others == ',' then
    take(index, term)
  else
    put(index, term, others)
  end
end

-- Removes a memory from the index; one that was remembered before there was an index is not in it.
local function unindex_memory(index, id)
  local known = redis.call('HGET', index, ' of ' .. id)
  if not known then return end
  local number, length, terms = unpack(cjson.decode(known))
  local bucket, name = math.floor(number / IN_BUCKET), string.format('%.0f', number)
  for term in pairs(terms) do remove_posting(index, term, bucket, name) end
  take(index, ' of ' .. id)
  take(index, ' at ' .. name)
  if redis.call('HINCRBY', index, ' count', -1) == 0 then return redis.call('DEL', index) end
  redis.call('HINCRBY', index, ' terms', -length)
end
