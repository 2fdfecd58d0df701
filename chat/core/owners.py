"""Names whose something is, so that neither a credential nor an address follows from the name."""

import hashlib

TAG_DIGITS = 40
"""160 bits: nobody finds a second credential for a tag."""


def digest(*parts: str | bytes) -> str:
    """Hash parts to hexadecimal digits; where one ends and the next begins counts."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(b"%d:" % len(data) + data)
    return total.hexdigest()[:TAG_DIGITS]


def owner_tag(token: str) -> str:
    """Name the owner of what is made with a credential, which cannot be had back from it."""
    return f"{{{digest('owner', token)}}}"


def address_tag(address: str) -> str:
    """Name a client's address, where limits are by it."""
    return f"{{{digest('address', address)}}}"


def anyone(conversation_id: int) -> str:
    """Name the owner of what was started without a credential: whoever knows the id."""
    return f"{{anyone:{conversation_id}}}"


def active_mark(owner: str, day: int) -> str:
    """Stand for an owner on one day; neither the owner nor another day's mark follows from it."""
    return digest("active", owner, str(day))
