"""The ports over Chroma."""
