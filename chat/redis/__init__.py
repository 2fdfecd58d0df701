"""The implementations of ports that use Redis."""
