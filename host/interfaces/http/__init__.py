"""`wasi:http` 0.2.0: what a guest is asked, and what it asks."""
