-- Returns the mark's word; refuses while an erasure runs.
return begun() or redis.error_reply('CHATERASED the owner is being erased')
