-- Marks an owner with a word for `marked_s`. After the word comes the second when the erasure must
-- have ended.
local ending = redis.call('TIME')[1] + runs_s
redis.call('SET', mark_key, string.format('%s %.0f', word, ending), 'EX', marked_s)
return 1
