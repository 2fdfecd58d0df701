-- Takes some steps of a scan; returns the cursor of the next step, and the highest id found.
--
-- `begin` is the cursor of the first step; the keys of conversations match `pattern`.
local cursor, highest = begin, 0
for _ = 1, SCANS do
  local found = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT)
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    local id = string.match(key, '^[^}]*}:(%d+)')
    if id and #id <= ID_DIGITS then highest = math.max(highest, tonumber(id)) end
  end
  if cursor == '0' then break end
end
return {cursor, string.format('%.0f', highest)}
