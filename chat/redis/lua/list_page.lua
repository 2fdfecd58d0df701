-- Lists an owner's conversations, newest activity first, and takes the expired ones off the list.
--
-- `beginning` is what the keys of the owner's conversations begin with; `last_at` and `last_id` are
-- the score and the id of the last one that was returned ('+inf' and '' at first). Returns one more
-- than `limit` if there is one, without their contexts. Conversations that were active at the same
-- moment come by id, as text, from the last.
local found, offset, size = {}, 0, 100
local most = tonumber(limit)
repeat
  local flat = redis.call('ZREVRANGEBYSCORE', conversations_key, last_at, '-inf', 'WITHSCORES',
    'LIMIT', offset, size)
  local gone = {}
  for i = 1, #flat, 2 do
    local id = flat[i]
    if flat[i + 1] ~= last_at or id < last_id then
      local one = summary(beginning .. id, id)
      if not one then
        gone[#gone + 1] = id
      else
        one[2], one[#one + 1] = '', flat[i + 1]
        found[#found + 1] = one
      end
    end
    if #found > most then break end
  end
  for _, id in ipairs(gone) do
    redis.call('ZREM', conversations_key, id)
    drop(id)
  end
  offset = offset + size - #gone
until #found > most or #flat < size * 2
return #found == 0 and '[]' or cjson.encode(found)
