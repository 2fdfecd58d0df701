-- Notes a conversation's activity in its owner's list, and in that of its namespace. A list lives
-- as long as the conversation that expires last. Comes after `namespaces`.
local function list_in(key, id, at, lifetime)
  local left = redis.call('PTTL', key)
  redis.call('ZADD', key, at, id)
  if lifetime == '0' or left == -1 then
    redis.call('PERSIST', key)
  elseif left < lifetime * 1000 then
    redis.call('EXPIRE', key, lifetime)
  end
end

local function list(id, at, lifetime)
  local namespace = redis.call('HGET', conversation_key, 'namespace')
  list_in(conversations_key, id, at, lifetime)
  if namespace then list_in(in_namespace(conversations_key, namespace), id, at, lifetime) end
end
