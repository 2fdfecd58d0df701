-- Returns records as one JSON list, their embeddings, and how many of `ids` were looked at.
--
-- Records and embeddings have up to `max_bytes` together, but one memory is always returned.
local records, embeddings, bytes, looked_at = {}, {}, 0, 0
local most = tonumber(max_bytes)
for _, id in ipairs(ids) do
  local record = redis.call('HGET', memories_key, id)
  local embedding = redis.call('HGET', memory_embeddings_key, id)
  if record and embedding then
    bytes = bytes + #record + #embedding
    if bytes > most and #records > 0 then break end
    records[#records + 1] = record
    embeddings[#embeddings + 1] = embedding
  end
  looked_at = looked_at + 1
end
return {redis.status_reply('[' .. table.concat(records, ',') .. ']'),
  redis.status_reply(table.concat(embeddings, ' ')), looked_at}
