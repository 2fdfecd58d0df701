"""Names the version of what is stored."""

SCHEMA = 1
