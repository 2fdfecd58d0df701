-- Returns a conversation as a list shows it, nil if there is none, and nil with an error if a newer
-- version has stored it. Comes after `is`. Every value is text. The number
-- of messages is '' if the last turn was stored by a component that does not count them.
local function summary(key, id)
  local fields = redis.call('HMGET', key, 'context', 'title', 'created_at', 'active_at',
    'turn_count', 'evicted_count', 'pinned', 'window_tokens', 'messages', 'metadata', 'namespace',
    'summary', 'v')
  if not fields[3] then return nil end
  local unread = newer(fields[13])
  if unread then return nil, unread end
  local now, left = redis.call('TIME'), redis.call('PTTL', key)
  local ends = left < 0 and 0 or math.floor((now[1] * 1000 + now[2] / 1000 + left) / 1000)
  local last, messages = string.match(fields[9] or '', '^(%d+):(%d+)$')
  return {tostring(id), fields[1], fields[2] or '', fields[3], fields[4], fields[5], fields[6],
    fields[7] or '0', fields[8] or '0', string.format('%.0f', ends),
    last == fields[5] and messages or '', fields[10] or '', fields[11] or '', fields[12] or ''}
end
