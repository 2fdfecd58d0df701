-- Takes back that a turn was counted, as it was refused elsewhere; a number below 0 in a second is
-- for a turn that was counted in another one.
if redis.call('EXISTS', rate_key) == 1 then
  redis.call('HINCRBY', rate_key, redis.call('TIME')[1], -1)
end
return 1
