-- Keeps a summary, and returns 1; 0 if another one was kept, or a message was forgotten, since
-- `mark` was read.
local refusal = erased()
if refusal then return refusal end
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
if select(3, folded()) ~= mark then return 0 end
put(conversation_key, 'summary', summary)
charge_conversation(conversation_id, conversation_key)
return 1
