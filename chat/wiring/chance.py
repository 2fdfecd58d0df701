"""Makes values that nobody can guess."""

import secrets

FENCING_BYTES = 16
TOKEN_BYTES = 32
WORD_BYTES = 8


def make_fencing() -> str:
    """Return a value that no other request has."""
    return secrets.token_hex(FENCING_BYTES)


def make_token() -> str:
    """Return a new credential."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def make_word() -> str:
    """Return a word of letters and digits."""
    return secrets.token_hex(WORD_BYTES)
