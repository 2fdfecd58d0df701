-- Refuses a conversation if one of its keys has the wrong type. Comes after `is`.
if not (is(conversation_key, 'hash') and is(turns_key, 'list') and is(archive_key, 'list')
    and is(done_key, 'hash') and is(lock_key, 'string') and is(embeddings_key, 'hash')
    and is(index_key, 'hash')) then
  return redis.error_reply('CHATCORRUPT a key has another type')
end
