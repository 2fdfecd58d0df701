-- Locks a conversation again, if a turn of this request may still be stored.
local refusal = lost()
if refusal then return refusal end
redis.call('SET', lock_key, fencing, 'PX', lock_ms)
return 1
