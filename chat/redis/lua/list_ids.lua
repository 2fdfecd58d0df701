-- Returns the ids of an owner's conversations, newest activity first, the expired ones among them.
--
-- They are one status, which is a string to the guest, and copied whole.
return redis.status_reply(table.concat(redis.call('ZREVRANGE', conversations_key, 0, -1), ' '))
