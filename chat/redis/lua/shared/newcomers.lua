-- Counts an owner that nobody saw before, or says that there were too many. Behind `limits` and
-- `account`.
--
-- The newcomers of a client's address are counted by the second; the seen key says that an owner
-- was seen a moment ago.
local function newcomer(now)
  if not owner or owner.newcomers == 0
      or redis.call('EXISTS', seen_key, usage_key, listed_key) > 0 then
    return
  end
  local wait = window(newcomers_key, owner.newcomers, now)
  if wait > 0 then
    return redis.error_reply('CHATLIMITED newcomers ' .. owner.newcomers .. ' ' .. wait)
  end
  count(newcomers_key, owner.newcomers, now)
  redis.call('SET', seen_key, '', 'EX', WINDOW_S + 1)
end
