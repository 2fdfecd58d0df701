-- The running summary of a conversation's evicted turns is JSON in the head's field `summary`: up
-- to which turn it goes, and its text. The field `forgotten` counts what was forgotten of the
-- conversation, so that nothing is kept that was made of a message that is gone.
local function folded()
  local head = redis.call('HMGET', conversation_key, 'summary', 'forgotten')
  local last = head[1] and cjson.decode(head[1]).last or 0
  return head[1] or '', last, string.format('%.0f:%.0f', tonumber(head[2] or 0), last)
end
