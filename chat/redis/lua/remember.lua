-- Stores new memories, and returns their ids.
local to_remember = cjson.decode(new_memories)
local refusal = erased() or full() or refused(to_remember)
if refusal then return refusal end
local ids = remember(to_remember, tonumber(max_memories))
charge(' memories', -1)
return ids
