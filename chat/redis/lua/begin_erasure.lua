-- Marks an owner with a word, for `marked_s`; behind it stands until when the erasure may run.
local ending = redis.call('TIME')[1] + runs_s
redis.call('SET', mark_key, string.format('%s %.0f', word, ending), 'EX', marked_s)
return 1
