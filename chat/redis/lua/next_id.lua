-- Counts up; 0 if there is no counter, which is so before the first conversation too.
if redis.call('EXISTS', next_id_key) == 0 then return 0 end
return redis.call('INCR', next_id_key)
