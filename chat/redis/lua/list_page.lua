-- Returns a page of an owner's conversations, the newest activity first, without their contexts.
-- Takes the expired conversations that it meets off the list.
--
-- `beginning` is how the keys of the owner's conversations begin. `last_at` and `last_id` are the
-- score and the id of the last conversation of the page before, '+inf' and '' for the first page.
-- The page has one conversation more than `limit` if there are more. Conversations that were active
-- at the same moment are ordered by their ids as text, in descending order.
local found, offset, size = {}, 0, 100
local most = tonumber(limit)
repeat
  local flat = redis.call('ZREVRANGEBYSCORE', conversations_key, last_at, '-inf', 'WITHSCORES',
    'LIMIT', offset, size)
  local gone = {}
  for i = 1, #flat, 2 do
    local id = flat[i]
    if flat[i + 1] ~= last_at or id < last_id then
      local one, too_new = summary(beginning .. id, id)
      if too_new then return too_new end
      if not one then
        gone[#gone + 1] = id
      else
        one[2], one[14], one[15] = '', '', flat[i + 1]
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
