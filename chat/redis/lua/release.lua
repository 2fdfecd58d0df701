-- Removes a key if it still has the value that this request gave it. This unlocks a conversation,
-- for example.
if redis.call('GET', lock_key) == fencing then return redis.call('DEL', lock_key) end
return 0
