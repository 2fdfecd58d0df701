-- Refuses a conversation if one of its keys has the wrong type, or if a newer version has stored
-- it. Comes after `is`.
if not (is(conversation_key, 'hash') and is(turns_key, 'list') and is(archive_key, 'list')
    and is(done_key, 'hash') and is(lock_key, 'string') and is(embeddings_key, 'hash')
    and is(index_key, 'hash')) then
  return redis.error_reply('CHATCORRUPT a key has another type')
end
local too_new = newer(redis.call('HGET', conversation_key, 'v'))
if too_new then return too_new end
