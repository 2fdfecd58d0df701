-- Notes a conversation's activity in its owner's list. The list lives as long as the conversation
-- that expires last.
local function list(id, at, lifetime)
  local left = redis.call('PTTL', conversations_key)
  redis.call('ZADD', conversations_key, at, id)
  if lifetime == '0' or left == -1 then
    redis.call('PERSIST', conversations_key)
  elseif left < lifetime * 1000 then
    redis.call('EXPIRE', conversations_key, lifetime)
  end
end
