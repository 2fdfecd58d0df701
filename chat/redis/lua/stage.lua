-- Appends a piece of a part of a conversation to the pieces before it.
--
-- `begin` is how many bytes the pieces before it have. The pieces expire after `part_ms`.
local refusal = erased()
if refusal then return refusal end
if begin == '0' then redis.call('DEL', restored_key) end
if redis.call('STRLEN', restored_key) ~= tonumber(begin) then
  return redis.error_reply('CHATBUSY what came before is gone')
end
redis.call('APPEND', restored_key, piece)
redis.call('PEXPIRE', restored_key, part_ms)
return 1
