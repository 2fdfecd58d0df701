"""`wasi:http` 0.2.0: the requests to a guest, and the requests of a guest."""
