-- Returns the records of a page, the newest first, as one JSON list; and 1 if `max_bytes` ended
-- the page before its limit, otherwise 0.
--
-- `last_at` and `last_id` are the time and the id of the last memory of the page before, '+inf' and
-- '' for the first page. The page has up to `max_bytes`, but always one record if there is one.
-- Memories of the same moment are ordered by their ids as text, in descending order.
local ids, offset, most = {}, 0, tonumber(limit)
local last = last_at ~= '+inf' and tonumber(last_at)
repeat
  local flat = redis.call('ZREVRANGEBYSCORE', memory_times_key, last_at, '-inf', 'WITHSCORES',
    'LIMIT', offset, most)
  for place = 1, #flat, 2 do
    local is_after = tonumber(flat[place + 1]) ~= last or flat[place] < last_id
    if is_after and #ids < most then ids[#ids + 1] = flat[place] end
  end
  offset = offset + most
until #ids == most or #flat < most * 2
local records, bytes, is_cut = {}, 0, 0
for _, id in ipairs(ids) do
  local record = redis.call('HGET', memories_key, id) or ''
  bytes = bytes + #record
  if bytes > tonumber(max_bytes) and #records > 0 then
    is_cut = 1
    break
  end
  if record ~= '' then records[#records + 1] = record end
end
return {redis.status_reply('[' .. table.concat(records, ',') .. ']'), is_cut}
