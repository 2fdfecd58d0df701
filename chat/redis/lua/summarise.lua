-- Returns a conversation as a list shows it; `must_be_whole` is '1' to refuse if it lost turns.
local found = summary(conversation_key, conversation_id)
if not found then return redis.error_reply('CHATUNKNOWN no such conversation') end
return must_be_whole == '1' and lost_turns() or cjson.encode(found)
