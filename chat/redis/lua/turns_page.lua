-- Returns turns of archive and window, oldest first.
--
-- `last_number` is the number of the last turn that is wanted, or 0 for the newest. `turn_count` is
-- how many turns are wanted, and `max_bytes` how many bytes they may have together. `begin` is the
-- offset of a piece of one long turn. Turns are in the order of their numbers, of which some may be
-- missing.
--
-- Returns 0, '' and the turns; or, if the last turn alone has more than `max_bytes`, its size in
-- bytes, its hash, and the piece of it that begins at `begin`.
if redis.call('EXISTS', conversation_key) == 0 then
  return redis.error_reply('CHATUNKNOWN no such conversation')
end
local lost = lost_turns()
if lost then return lost end
local archived = redis.call('LLEN', archive_key)
local stop = archived + redis.call('LLEN', turns_key)
local function turn_at(place)
  return place < archived and redis.call('LINDEX', archive_key, place)
    or redis.call('LINDEX', turns_key, place - archived)
end
local function number_at(place)
  return tonumber(string.match(turn_at(place), '^{"n":(%d+)')) or 0
end
local last, most, offset = tonumber(last_number), tonumber(max_bytes), tonumber(begin)
if last > 0 then
  local low, high = 0, stop
  while low < high do
    local middle = math.floor((low + high) / 2)
    if number_at(middle) > last then high = middle else low = middle + 1 end
  end
  stop = low
end
local newest_first, bytes = {}, 0
for place = stop - 1, math.max(0, stop - tonumber(turn_count)), -1 do
  local turn = turn_at(place)
  bytes = bytes + #turn
  if bytes > most then
    if #newest_first == 0 then
      return {#turn, redis.sha1hex(turn), string.sub(turn, offset + 1, offset + most)}
    end
    break
  end
  newest_first[#newest_first + 1] = turn
end
local turns = {0, ''}
for place = #newest_first, 1, -1 do turns[#turns + 1] = newest_first[place] end
return turns
