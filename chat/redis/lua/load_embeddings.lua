-- Returns embeddings by name, `-` for one that is not there.
--
-- They are one status, which is a string to the guest, and copied whole.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local kept = {}
for place, name in ipairs(names) do
  kept[place] = redis.call('HGET', embeddings_key, name) or NOT_THERE
end
return redis.status_reply(table.concat(kept, ' '))
