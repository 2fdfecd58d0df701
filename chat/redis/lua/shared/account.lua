-- Counts the bytes that are stored for an owner. `owner` is the owner's account; it is false if the
-- script changes what has no owner, and then nothing is counted.
--
-- The argument `account` is JSON, or ''. Its `word` is the mark's word when the request began, null
-- if erasures do not matter; `conversations` and `bytes` are limits, 0 for none.
--
-- The mark is a random word, a new one for each erasure. While an erasure runs, the time when it
-- must have ended follows the word, in seconds since 1970.
--
-- The usage has the bytes of each conversation under its id, those of the memories under
-- ` memories`, and the sum under ` total`. `ends_key` has the moment in ms when each conversation
-- expires: `full` subtracts the expired ones before it looks at the sum. `grown` is how many bytes
-- the script has added without charging them to the usage yet.
local owner, grown = account ~= '' and cjson.decode(account), 0

local function begun()
  local word, ending = string.match(redis.call('GET', mark_key) or '', '^(%x*) ?(%d*)$')
  local is_running = ending ~= '' and tonumber(ending or 0) > tonumber(redis.call('TIME')[1])
  if word and not is_running then return word end
end

local function erased()
  if owner and type(owner.word) == 'string' and begun() ~= owner.word then
    return redis.error_reply('CHATERASED the owner was erased')
  end
end

local function put(key, field, value, before)
  before = before or redis.call('HSTRLEN', key, field)
  if redis.call('HSET', key, field, value) == 1 then before = -#field - FIELD_BYTES end
  grown = grown + #tostring(value) - before
end

local function take(key, field)
  local before = redis.call('HSTRLEN', key, field)
  if redis.call('HDEL', key, field) == 1 then grown = grown - before - #field - FIELD_BYTES end
end

local function push(key, item)
  redis.call('RPUSH', key, item)
  grown = grown + #item + ITEM_BYTES
end

local function live(key, before, left)
  if left < 0 or before == -1 then
    redis.call('PERSIST', key)
  elseif before < left then
    redis.call('PEXPIRE', key, left)
  end
end

local function charge(field, left)
  if owner then
    local before = tonumber(redis.call('HGET', usage_key, field) or 0)
    local lives = redis.call('PTTL', usage_key)
    local after = math.max(0, before + grown)
    redis.call('HSET', usage_key, field, string.format('%.0f', after))
    redis.call('HINCRBY', usage_key, ' total', string.format('%.0f', after - before))
    live(usage_key, lives, left)
  end
  grown = 0
end

local function charge_conversation(id, key)
  local left = redis.call('PTTL', key)
  charge(id, left)
  if not owner then return end
  if left < 0 then
    redis.call('ZREM', ends_key, id)
  else
    local now, lives = redis.call('TIME'), redis.call('PTTL', ends_key)
    local at = now[1] * 1000 + math.floor(now[2] / 1000) + left
    redis.call('ZADD', ends_key, string.format('%.0f', at), id)
    live(ends_key, lives, left)
  end
end

local function drop(field)
  if not owner then return end
  local bytes = redis.call('HGET', usage_key, field)
  redis.call('ZREM', ends_key, field)
  if not bytes then return end
  redis.call('HDEL', usage_key, field)
  redis.call('HINCRBY', usage_key, ' total', string.format('%.0f', 0 - bytes))
  if redis.call('HLEN', usage_key) == 1 then redis.call('DEL', usage_key, ends_key) end
end

local function full(adds)
  if not owner then return end
  local now = redis.call('TIME')
  local at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
  local expired = redis.call('ZRANGEBYSCORE', ends_key, '-inf', at, 'LIMIT', 0, MAX_SETTLED)
  for _, id in ipairs(expired) do
    drop(id)
    redis.call('ZREM', listed_key, id)
  end
  local most, has = owner.bytes, tonumber(redis.call('HGET', usage_key, ' total') or 0)
  if most > 0 and has >= most then
    return redis.error_reply(string.format('CHATFULL bytes %.0f', most))
  end
  most = owner.conversations
  if adds == 'conversation' and most > 0 and redis.call('ZCARD', listed_key) >= most then
    return redis.error_reply(string.format('CHATFULL conversations %.0f', most))
  end
end
