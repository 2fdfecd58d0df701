"""Services that run beside the application: Redis and Chroma."""
