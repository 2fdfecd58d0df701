-- Notes which conversation an Idempotency-Key of a client's address begins, just before that is
-- stored; refuses if the key led to another one meanwhile.
local before = redis.call('GET', started_key)
if before and before ~= running and before ~= started then
  return redis.error_reply('CHATBUSY the key led to another one meanwhile')
end
redis.call('SET', started_key, started, 'EX', STARTED_S)
return 1
