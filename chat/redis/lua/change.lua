-- Changes a conversation. A conversation without an owner cannot be pinned.
--
-- `lifetime_s` is a lifetime that begins now, or '' for no change. `added_tokens` are added to the
-- tokens in the window. `fields` are names and values in turn.
for place = 1, #fields, 2 do
  if not conversations_key and fields[place] == 'pinned' and fields[place + 1] == '1' then
    return redis.error_reply('CHATNOPIN it belongs to nobody')
  end
end
for place = 1, #fields, 2 do put(conversation_key, fields[place], fields[place + 1]) end
redis.call('HINCRBY', conversation_key, 'window_tokens', added_tokens)
redis.call('HSET', conversation_key, 'v', SCHEMA)
if redis.call('HGET', conversation_key, 'pinned') == '1' then
  keep('0')
  local namespace = redis.call('HGET', conversation_key, 'namespace')
  if conversations_key then
    redis.call('PERSIST', conversations_key)
    redis.call('PERSIST', in_namespace(conversations_key, namespace))
  end
elseif lifetime_s ~= '' then
  keep(lifetime_s)
end
charge_conversation(conversation_id, conversation_key)
return 1
