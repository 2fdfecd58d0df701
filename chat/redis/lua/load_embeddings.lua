-- Returns the embeddings with these names; `-` stands for an embedding that is not kept.
--
-- The reply is one status: the guest receives a status as a string, in one copy.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local kept = {}
for place, name in ipairs(names) do
  kept[place] = redis.call('HGET', embeddings_key, name) or NOT_THERE
end
return redis.status_reply(table.concat(kept, ' '))
