-- Removes a key if its value is still the one that this request gave it: unlocks, for example.
if redis.call('GET', lock_key) == fencing then return redis.call('DEL', lock_key) end
return 0
