-- Returns the word of the mark.
return begun() or redis.error_reply('CHATERASED the owner is being erased')
