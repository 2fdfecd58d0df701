-- Returns the ids of an owner's conversations, the newest activity first, with expired ones.
--
-- The reply is one status: the guest receives a status as a string, in one copy.
return redis.status_reply(table.concat(redis.call('ZREVRANGE', conversations_key, 0, -1), ' '))
