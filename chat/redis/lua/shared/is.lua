-- Returns whether a key has a type or does not exist; and the error if what has a version is of a
-- newer one than this component can read.
local function is(key, kind)
  local found = redis.call('TYPE', key).ok
  return found == kind or found == 'none'
end

local function newer(version)
  if (tonumber(version or 1) or 1) > SCHEMA then
    return redis.error_reply('CHATNEWER a newer version has stored this')
  end
end
