-- Keeps all keys of a conversation for a lifetime in seconds; '0' is for ever.
--
-- All keys expire at one given moment: `EXPIRE` reads the clock for each key, and the keys would
-- then expire at different moments.
local conversation_keys = {conversation_key, turns_key, archive_key, done_key, lock_key,
  embeddings_key, index_key}

local function keep(lifetime)
  local now = redis.call('TIME')
  local ends = string.format('%.0f', (now[1] + lifetime) * 1000 + math.floor(now[2] / 1000))
  for _, key in ipairs(conversation_keys) do
    if lifetime == '0' then
      redis.call('PERSIST', key)
    else
      redis.call('PEXPIREAT', key, ends)
    end
  end
end
