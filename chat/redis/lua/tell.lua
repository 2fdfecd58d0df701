-- Counts a turn that is stored elsewhere, and keeps what its model's counts have shown.
if profile ~= '' then redis.call('SET', profile_key, profile, 'EX', PROFILE_S) end
count_all(counters)
return 1
