-- The rows of an owner's memories: one string with the ids and signatures of all of a namespace,
-- for searches. It can be made anew at any time, so it is removed whenever it may be wrong.
--
-- It begins with `=`, the tag of the model that made the signatures, and the width of the ids as
-- two digits. Each row is an id, with spaces up to that width, and a signature as characters of six
-- bits, from `0` on; a signature with another tag is `-` all along.
--
-- The sketches are one string of the same shape, with the same rows in the same order, but without
-- ids and with the beginnings of the signatures only. They are made when a search wants them, which
-- is so if there are many rows, and then change with the rows.
local head_characters = 1 + MODEL_DIGITS + 2

local sixes = setmetatable({}, {__index = function(known, digits)
  local bits = tonumber(digits, 16)
  known[digits] = string.char(48 + math.floor(bits / 64), 48 + bits % 64)
  return known[digits]
end})

local function row_of(id, signature, made_by, width)
  local bits = string.sub(signature, MODEL_DIGITS + 1)
  local is_stale = string.sub(signature, 1, MODEL_DIGITS) ~= made_by or #bits ~= SIGNATURE_DIGITS
  local shown = is_stale and string.rep('-', SIGNATURE_CHARACTERS)
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

local function head_of(key)
  return read_head(redis.call('GETRANGE', key, 0, head_characters - 1))
end

-- Returns how many rows with ids of a width a string with so many characters has.
local function count_of(length, width)
  return math.max(0, length - head_characters) / (width + SIGNATURE_CHARACTERS)
end

local function add_row(rows, sketches, id, signature)
  local made_by, width = head_of(rows)
  if not made_by or #id > tonumber(width) then return redis.call('DEL', rows, sketches) end
  local row = row_of(id, signature, made_by, width)
  redis.call('APPEND', rows, row)
  if head_of(sketches) then
    redis.call('APPEND', sketches, string.sub(row, width + 1, width + SKETCH_CHARACTERS))
  end
end

-- Removes `length` characters from a string, which begin behind the first `before` ones.
local function remove_from(key, before, length)
  local text = redis.call('GET', key) or ''
  if text ~= '' then
    redis.call('SET', key, string.sub(text, 1, before) .. string.sub(text, before + length + 1))
  end
end

-- Returns the place of an id among rows, 0 for the first; nil if it is not there.
local function place_of(id, text, width)
  local padded, from = string.format('%-' .. width .. 's', id), head_characters + 1
  while true do
    local at = string.find(text, padded, from, true)
    if not at then return nil end
    local place = count_of(at - 1, width)
    if place % 1 == 0 then return place end
    from = at + 1
  end
end

local function drop_row(rows, sketches, id)
  local text = redis.call('GET', rows) or ''
  local _, width = read_head(text)
  local place = width and place_of(id, text, width)
  if not place or count_of(#text, width) == 1 then return redis.call('DEL', rows, sketches) end
  local length = width + SIGNATURE_CHARACTERS
  remove_from(rows, head_characters + place * length, length)
  remove_from(sketches, head_characters + place * SKETCH_CHARACTERS, SKETCH_CHARACTERS)
end

-- Returns the rows with the signatures that the model with a tag made, and makes them if needed.
local function rows_by(made_by, rows, sketches, signatures)
  local text = redis.call('GET', rows) or ''
  if read_head(text) == made_by then return text end
  text = rows_of(redis.call('HGETALL', signatures), made_by)
  redis.call('DEL', rows, sketches)
  if text ~= '' then redis.call('SET', rows, text) end
  return text
end

-- Returns the sketches of rows, and makes them if they are not those of these rows.
local function sketches_of(text, key)
  local made_by, width = read_head(text)
  local row_count = count_of(#text, width)
  local sketches = redis.call('GET', key) or ''
  local length = head_characters + row_count * SKETCH_CHARACTERS
  if read_head(sketches) == made_by and #sketches == length then return sketches end
  local parts = {}
  for place = 0, row_count - 1 do
    local at = head_characters + place * (width + SIGNATURE_CHARACTERS) + width
    parts[#parts + 1] = string.sub(text, at + 1, at + SKETCH_CHARACTERS)
  end
  sketches = '=' .. made_by .. '00' .. table.concat(parts)
  redis.call('SET', key, sketches)
  return sketches
end
