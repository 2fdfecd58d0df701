-- Locks a conversation for a change that another store makes first.
redis.call('SET', lock_key, fencing, 'PX', lock_ms)
return 1
