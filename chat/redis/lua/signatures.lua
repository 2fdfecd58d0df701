-- Returns the rows of all memories, with the signatures that the model with `tag` made; if they are
-- more than `MANY`, their sketches. Then come the ids of the memories that the terms in `searched`
-- find, up to `max_found` of them, and their scores; those whose ids begin with `own` are left out
-- of these. Comes after `memory_rows`.
--
-- Each reply is one status: the guest receives a status as a string, in one copy.
local function is_hash(key) return redis.call('TYPE', key).ok == 'hash' end
local rows = rows_by(tag, memory_rows_key, memory_sketches_key, memory_signatures_key)
local _, width = read_head(rows)
if width and count_of(#rows, width) > MANY then rows = sketches_of(rows, memory_sketches_key) end
local names, told = {}, {}
if #searched > 0 and is_hash(memory_index_key) then
  local head = redis.call('HMGET', memory_index_key, ' count', ' terms')
  local indexed, total = tonumber(head[1] or 0), tonumber(head[2] or 0)
  local scores = scores_of(searched, indexed, total, function(term)
    local buckets = redis.call('HGET', memory_index_key, term) or ''
    return select(2, string.gsub(buckets, ',', '')) * BUCKET_BYTES
  end, function(term)
    local buckets, parts = redis.call('HGET', memory_index_key, term) or '', {}
    for bucket in string.gmatch(buckets, '%d+') do
      parts[#parts + 1] = redis.call('HGET', memory_index_key, term .. ' ' .. bucket) or ''
    end
    return table.concat(parts)
  end)
  for _, found in ipairs(best(scores, max_found + SKIPPED)) do
    if #names >= tonumber(max_found) then break end
    local id = redis.call('HGET', memory_index_key, string.format(' at %.0f', found[1]))
    if id and (own == '' or string.sub(id, 1, #own) ~= own) then
      names[#names + 1] = id
      told[#told + 1] = string.format('%.4f', found[2])
    end
  end
end
return {redis.status_reply(rows), redis.status_reply(table.concat(names, ' ')),
  redis.status_reply(table.concat(told, ' '))}
