-- Returns the next id; 0 if there is no counter, as before the first conversation.
if redis.call('EXISTS', next_id_key) == 0 then return 0 end
return redis.call('INCR', next_id_key)
