"""Makes the tags of owners and addresses: nobody can derive a credential or an address from one."""

import hashlib
import ipaddress

MARK_DIGITS = 16
"""Enough to tell conversations apart in the log of one day."""
TAG_DIGITS = 40
"""160 bits: nobody finds a second credential with the same tag."""
SUBNET_BITS = 64
"""The bits of an IPv6 address that tell the network of one customer or machine."""


def digest(*parts: str | bytes) -> str:
    """Return a hash of `parts` in hexadecimal digits; it depends on where each part ends."""
    data = [part.encode() if isinstance(part, str) else part for part in parts]
    told = b"".join([b"%d:%b" % (len(one), one) for one in data])
    return hashlib.sha256(told).hexdigest()[:TAG_DIGITS]


def owner_tag(token: str) -> str:
    """Return the tag of a credential's owner; the credential cannot be derived from it."""
    return f"{{{digest('owner', token)}}}"


def address_tag(address: str) -> str:
    """Return the tag of a client's address, for limits that count by address."""
    return f"{{{digest('address', network_of(address))}}}"


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that an IPv6 address is in.

    Whoever has one address of a /64 has all of them. Source: RFC 6177, section 2.
    """
    if ":" not in address:
        return address
    try:
        whole = ipaddress.IPv6Address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    return str(whole.ipv4_mapped or f"{int(whole) >> SUBNET_BITS:x}/{SUBNET_BITS}")


def anyone(conversation_id: int) -> str:
    """Return the owner's tag of a conversation begun without a credential.

    Whoever knows the id of such a conversation may reach it.
    """
    return f"{{anyone:{conversation_id}}}"


def conversation_mark(owner: str, conversation_id: int, day: int) -> str:
    """Return a mark of a conversation on one day; `owner` is the owner of whoever asks for it.

    Neither the owner nor the mark of another day can be derived from it.
    """
    return digest("conversation", owner, str(conversation_id), str(day))[:MARK_DIGITS]


def active_mark(owner: str, day: int) -> str:
    """Return a mark of an owner on one day.

    Neither the owner nor the mark of another day can be derived from it.
    """
    return digest("active", owner, str(day))
