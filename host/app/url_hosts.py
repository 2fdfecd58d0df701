"""Parses the host of a URL as browsers and Spin do: an IPv4 or IPv6 address, or a domain.

Source: URL standard, "host parsing". The texts of the errors are those of the crate `url`, which
Spin uses.
"""

import re
import string
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

import idna

Host = IPv4Address | IPv6Address | str
"""A host; a domain is a text in lower case and in ASCII."""
FORBIDDEN = frozenset(" #/:<>?@[\\]^|%\x7f") | {chr(code) for code in range(0x20)}
IPV4_PARTS = 4
NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://(?P<authority>[^/?#]*).*|.*)")
PORT = re.compile(r"[0-9]+", re.ASCII)
MAX_PORT = 65535


class InvalidHost(ValueError):
    """A text that is not a host, with a short reason."""


def parse_host(text: str) -> Host:
    """Parse a host as it is written in a URL, where an IPv6 address is in brackets.

    Errors: InvalidHost.
    """
    if text.startswith("["):
        return _parse_ipv6(text)
    domain = _parse_domain(text)
    if _ends_in_a_number(domain):
        return _parse_ipv4(domain)
    return domain


def _parse_ipv6(text: str) -> IPv6Address:
    try:
        if not text.endswith("]") or "%" in text:
            raise InvalidHost("invalid IPv6 address")
        return IPv6Address(text[1:-1])
    except AddressValueError as error:
        raise InvalidHost("invalid IPv6 address") from error


def _parse_domain(text: str) -> str:
    try:
        name = unquote_to_bytes(text).decode()
        ascii_name = name.lower() if _is_plain(name) else idna.encode(name, uts46=True).decode()
    except UnicodeError as error:  # the errors of idna are UnicodeErrors, too
        raise InvalidHost("invalid international domain name") from error
    if not ascii_name:
        raise InvalidHost("empty host")
    if FORBIDDEN & set(ascii_name):
        raise InvalidHost("invalid international domain name")
    return ascii_name


def _is_plain(name: str) -> bool:
    """Whether a name has no letter beyond ASCII, neither as it is nor encoded."""
    return name.isascii() and "xn--" not in name.lower()


def _ends_in_a_number(domain: str) -> bool:
    """Whether a domain's last label is a number: then it must be an IPv4 address."""
    return NUMBER.fullmatch(domain.removesuffix(".").rpartition(".")[2]) is not None


def _parse_ipv4(domain: str) -> IPv4Address:
    """Parse an IPv4 address in any form that browsers accept.

    That is up to four numbers, of which the last fills all bytes that are left.
    """
    parts = domain.removesuffix(".").split(".")
    numbers = [_parse_number(part) for part in parts]
    *first, last = numbers
    if len(parts) > IPV4_PARTS or any(number > 0xFF for number in first):  # noqa: PLR2004 - a byte
        raise InvalidHost("invalid IPv4 address")
    if last >= 256 ** (IPV4_PARTS + 1 - len(parts)):
        raise InvalidHost("invalid IPv4 address")
    return IPv4Address(last + sum(number << (24 - 8 * i) for i, number in enumerate(first)))


def _parse_number(part: str) -> int:
    """Parse a number, which is octal with a leading 0, hexadecimal with a leading 0x."""
    digits, base, allowed = part, 10, string.digits
    if part[:2] in ("0x", "0X"):
        digits, base, allowed = part[2:] or "0", 16, string.hexdigits
    elif part.startswith("0") and len(part) > 1:
        digits, base, allowed = part[1:], 8, string.octdigits
    if not digits or not set(digits) <= set(allowed):
        raise InvalidHost("invalid IPv4 address")
    return int(digits, base)


def check_url(url: str) -> None:
    """Check that a text is a URL.

    Errors: InvalidHost.
    """
    match = URL.fullmatch(url.strip())
    if match is None:
        raise InvalidHost("relative URL without a base")
    if match["authority"] is None:
        return
    host, colon, port = match["authority"].rpartition("@")[2].rpartition(":")
    if not colon or port.endswith("]"):
        host, port = f"{host}{colon}{port}", ""
    parse_host(host)
    if port and not (PORT.fullmatch(port) and int(port) <= MAX_PORT):
        raise InvalidHost("invalid port number")
