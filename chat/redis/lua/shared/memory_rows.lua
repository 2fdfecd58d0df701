-- The rows of an owner's memories: one string with the ids and signatures of all of a namespace,
-- for searches. It can be made anew at any time, so it is removed whenever it may be wrong.
--
-- It begins with `=`, the tag of the model that made the signatures, and the width of the ids as
-- two digits. Each row is an id, with spaces up to that width, and a signature as characters of six
-- bits, from `0` on; a signature with another tag is `-` all along.
local head_characters = 1 + MODEL_DIGITS + 2

local sixes = setmetatable({}, {__index = function(known, digits)
  local bits = tonumber(digits, 16)
  known[digits] = string.char(48 + math.floor(bits / 64), 48 + bits % 64)
  return known[digits]
end})

local function row_of(id, signature, made_by, width)
  local bits = string.sub(signature, MODEL_DIGITS + 1)
  local is_stale = string.sub(signature, 1, MODEL_DIGITS) ~= made_by or #bits ~= SIGNATURE_DIGITS
  local shown = is_stale and string.rep('-', SIGNATURE_DIGITS / 3 * 2)
    or string.gsub(bits, '%x%x%x', sixes)
  return string.format('%-' .. width .. 's', id) .. shown
end

local function rows_of(signatures, made_by)
  local width, parts = 0, {}
  for place = 1, #signatures, 2 do width = math.max(width, #signatures[place]) end
  for place = 1, #signatures, 2 do
    parts[#parts + 1] = row_of(signatures[place], signatures[place + 1], made_by, width)
  end
  return #parts == 0 and '' or string.format('=%s%02d', made_by, width)
    .. table.concat(parts)
end

local function read_head(head)
  return string.match(head, '^=(' .. string.rep('%x', MODEL_DIGITS) .. ')(%d%d)')
end

local function add_row(key, id, signature)
  local made_by, width = read_head(redis.call('GETRANGE', key, 0, head_characters - 1))
  if made_by and #id <= tonumber(width) then
    redis.call('APPEND', key, row_of(id, signature, made_by, width))
  else
    redis.call('DEL', key)
  end
end

local function drop_row(key, id)
  local rows = redis.call('GET', key) or ''
  local _, width = read_head(rows)
  local length = width and width + SIGNATURE_DIGITS / 3 * 2
  local padded, from = width and string.format('%-' .. width .. 's', id), head_characters + 1
  while length do
    local at = string.find(rows, padded, from, true)
    if not at then break end
    if (at - head_characters - 1) % length == 0 then
      local left = string.sub(rows, 1, at - 1) .. string.sub(rows, at + length)
      if #left > head_characters then return redis.call('SET', key, left) end
      break
    end
    from = at + 1
  end
  redis.call('DEL', key)
end
