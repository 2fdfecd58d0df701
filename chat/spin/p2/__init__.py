"""The host as the build for Preview 2 reaches it: an instance for each request, and calls block."""
