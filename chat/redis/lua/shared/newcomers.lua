-- Counts an owner that was not seen before, or refuses if there were too many. Comes after `limits`
-- and `account`.
--
-- The new owners of a client's address are counted by the second. `seen_key` says that an owner was
-- counted a moment ago; an owner with a usage or a list was seen before. With a limit below 0, the
-- owner is counted elsewhere, and `is_new` only tells that it has to be.
local is_new = ''
local function newcomer(now)
  if not owner or owner.newcomers == 0
      or redis.call('EXISTS', seen_key, usage_key, listed_key) > 0 then
    return
  end
  if owner.newcomers < 0 then
    is_new = 'new'
    redis.call('SET', seen_key, '', 'EX', WINDOW_S + 1)
    return
  end
  local wait = window(newcomers_key, owner.newcomers, now)
  if wait > 0 then
    return redis.error_reply('CHATLIMITED newcomers ' .. owner.newcomers .. ' ' .. wait)
  end
  count(newcomers_key, owner.newcomers, now)
  redis.call('SET', seen_key, '', 'EX', WINDOW_S + 1)
end
