-- Returns the name of a key for one namespace: it ends with a hash of it, since no text of a caller
-- is part of a key. Without a namespace it is the key itself.
local function in_namespace(key, namespace)
  if not namespace or namespace == '' then return key end
  return key .. ':' .. string.sub(redis.sha1hex(namespace), 1, NAMESPACE_DIGITS)
end
