-- Takes the expired conversations off an owner's list, and returns how many there were.
--
-- `beginning` is how the keys of the owner's conversations begin.
local removed = 0
if redis.call('TYPE', conversations_key).ok ~= 'zset' then return removed end
for _, id in ipairs(redis.call('ZRANGE', conversations_key, 0, -1)) do
  if redis.call('EXISTS', beginning .. id) == 0 then
    removed = removed + redis.call('ZREM', conversations_key, id)
    drop(id)
  end
end
return removed
