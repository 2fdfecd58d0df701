-- Notes that an erasure has ended, unless a later one has begun; `word` is the word of its mark.
if string.match(redis.call('GET', mark_key) or '', '^%x*') == word then
  redis.call('SET', mark_key, word, 'KEEPTTL')
end
return 1
