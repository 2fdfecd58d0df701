"""The HTTP server: what is let in, and which component answers."""
