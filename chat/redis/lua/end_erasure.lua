-- Says that an erasure runs no more, if no later one does; `word` is that of its mark.
if string.match(redis.call('GET', mark_key) or '', '^%x*') == word then
  redis.call('SET', mark_key, word, 'KEEPTTL')
end
return 1
