-- Returns what decides about a branch of a conversation: fields of its head, how many evicted turns
-- are kept, the turns in its window, and evicted turns.
--
-- The evicted turns are the last `turn_count` ones up to the number `last_number`, fewer if they
-- have more than `max_bytes` together; none if `last_number` is '0'. Both lists are a JSON list, as
-- a status: the guest receives a status as a string, in one copy.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local lost = lost_turns()
if lost then return lost end
local stop = count_below(archive_key, tonumber(last_number) + 1)
local newest_first, bytes = {}, 0
for place = stop - 1, math.max(0, stop - tonumber(turn_count)), -1 do
  local turn = redis.call('LINDEX', archive_key, place)
  bytes = bytes + #turn
  if bytes > tonumber(max_bytes) then break end
  newest_first[#newest_first + 1] = turn
end
local older = {}
for place = #newest_first, 1, -1 do older[#older + 1] = newest_first[place] end
local head = redis.call('HMGET', conversation_key, 'context', 'context_tokens', 'turn_count',
  'active_at', 'pinned', 'evidence_tokens', 'window_tokens', 'pair_tokens', 'namespace', 'title')
local turns = redis.call('LRANGE', turns_key, 0, -1)
return {head[1], head[2], head[3], head[4], head[5], head[6], head[7], head[8] or '0',
  head[9] or '', head[10] or '',
  redis.call('LLEN', archive_key),
  redis.status_reply('[' .. table.concat(turns, ',') .. ']'),
  redis.status_reply('[' .. table.concat(older, ',') .. ']')}
