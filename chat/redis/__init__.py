"""The ports over Redis."""
