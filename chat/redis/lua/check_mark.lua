-- Refuses if the owner was erased since the word was read.
return erased() or 1
