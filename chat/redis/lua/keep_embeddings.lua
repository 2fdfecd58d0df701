-- Keeps embeddings as long as their conversation; `fields` are names and embeddings in turn.
local refusal = erased()
if refusal then return refusal end
local left = redis.call('PTTL', conversation_key)
if left == -2 then return redis.error_reply('CHATUNKNOWN no such conversation') end
for place = 1, #fields, 2 do put(embeddings_key, fields[place], fields[place + 1]) end
charge_conversation(conversation_id, conversation_key)
if left >= 0 then
  local now = redis.call('TIME')
  local ends = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + left)
  redis.call('PEXPIREAT', embeddings_key, ends)
end
return 1
