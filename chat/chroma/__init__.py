"""The implementations of ports that use Chroma."""
