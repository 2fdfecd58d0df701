"""The HTTP server: which requests are let in, and which component answers them."""
