-- Notes a conversation's activity in its owner's list, which lives as long as the last of them.
local function list(id, at, lifetime)
  local left = redis.call('PTTL', conversations_key)
  redis.call('ZADD', conversations_key, at, id)
  if lifetime == '0' or left == -1 then
    redis.call('PERSIST', conversations_key)
  elseif left < lifetime * 1000 then
    redis.call('EXPIRE', conversations_key, lifetime)
  end
end
