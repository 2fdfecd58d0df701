-- Returns the rows at `places`, but those whose ids begin with `own`; if there are not `count` rows
-- any more, the places may be those of others, so all rows are returned. Comes after `memory_rows`.
--
-- The reply is one status: the guest receives a status as a string, in one copy.
local text = rows_by(tag, memory_rows_key, memory_sketches_key, memory_signatures_key)
local _, width = read_head(text)
if not width or count_of(#text, width) ~= tonumber(count) then
  return redis.status_reply(text)
end
local length = width + SIGNATURE_CHARACTERS
local parts = {string.sub(text, 1, head_characters)}
for _, place in ipairs(places) do
  local at = head_characters + place * length
  if own == '' or string.sub(text, at + 1, at + #own) ~= own then
    parts[#parts + 1] = string.sub(text, at + 1, at + length)
  end
end
return redis.status_reply(table.concat(parts))
