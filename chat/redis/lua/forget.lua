-- Forgets a conversation, even if its keys have wrong types; but if it has many memories, only a
-- portion of these. Returns how many turns the window and the archive had, how many memories were
-- forgotten, how many keys were removed, and 1 if memories and all else are left, else 0.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local function length(key)
  return redis.call('TYPE', key).ok == 'list' and redis.call('LLEN', key) or 0
end
local window, archived, memories = length(turns_key), length(archive_key), 0
if conversations_key then
  local own, is_left = conversation_id .. '.'
  memories, is_left = forget_portion(redis.call('HKEYS', memories_key), function(id)
    return string.sub(id, 1, #own) == own
  end)
  if memories > 0 then charge(' memories', -1) end
  if is_left == 1 then return {window, archived, memories, 0, 1} end
  redis.call('ZREM', conversations_key, conversation_id)
  local namespace = redis.call('TYPE', conversation_key).ok == 'hash'
    and redis.call('HGET', conversation_key, 'namespace')
  if namespace then
    redis.call('ZREM', in_namespace(conversations_key, namespace), conversation_id)
  end
  drop(conversation_id)
end
local keys = redis.call('DEL', conversation_key, turns_key, archive_key, done_key, lock_key,
  embeddings_key, index_key)
return {window, archived, memories, keys, 0}
