-- A start with an Idempotency-Key: `body` is the digest of the request's body, or '' without such a
-- key. `running` is kept under it for `running_ms`, and says that the first turn is running.

-- Returns what a script answers if the key was used before: where it led, or why it is refused.
local function answer_of_start()
  local started = body ~= '' and redis.call('GET', started_key)
  if not started then return nil end
  if string.sub(started, 1, TAG_DIGITS) ~= body then
    return redis.error_reply('CHATREUSED the key was used with another body')
  end
  local id = string.match(started, '^%x+:(%d+)$')
  if id then return {'done', id} end
  if started ~= running then return redis.error_reply('CHATBUSY the first turn is running') end
  return nil
end

local function note_start()
  if body ~= '' then redis.call('SET', started_key, running, 'PX', running_ms) end
end
