-- Removes the postings of turns that have left the archive, and returns how many were removed. A
-- closed chunk stays whole as long as one of its turns is in the archive.
if redis.call('TYPE', index_key).ok ~= 'hash' or redis.call('TYPE', archive_key).ok == 'string' then
  return 0
end
local oldest, removed = redis.call('LINDEX', archive_key, 0), 0
local first = oldest and number_of(oldest) or math.huge
local function count(postings) removed = removed + select(2, string.gsub(postings, ';', '')) end
for _, term in ipairs(redis.call('HKEYS', index_key)) do
  if not string.find(term, ' ', 1, true) then
    local low, high, newest = chunks_of(term)
    while low < high do
      local field = term .. ' ' .. low
      local chunk = redis.call('HGET', index_key, field) or ''
      local last = tonumber(string.match(chunk, '(%d+):%d+:%d+;$') or 0)
      if last >= first then break end
      count(chunk)
      take(index_key, field)
      low = low + 1
    end
    if low == high then
      newest = string.gsub(newest, '(%d+):%d+:%d+;', function(number)
        if tonumber(number) >= first then return nil end
        removed = removed + 1
        return ''
      end)
    end
    if low == high and newest == '' then
      take(index_key, term)
    else
      put(index_key, term, low .. ',' .. high .. '|' .. newest)
    end
  end
end
if redis.call('EXISTS', conversation_key) == 1 then
  charge_conversation(conversation_id, conversation_key)
end
return removed
