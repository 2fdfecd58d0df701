-- Writes once more who stored last, if the result of a turn is kept under its Idempotency-Key:
-- replicas that have this have the turn.
if redis.call('HEXISTS', done_key, repetition) == 0 then
  return redis.error_reply('CHATUNKNOWN no such result')
end
local last = redis.call('HGET', conversation_key, 'committed_by')
redis.call('HSET', conversation_key, 'committed_by', last or '')
return 1
