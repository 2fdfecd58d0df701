"""Parses the host of a URL as browsers and Spin do: an IPv4 or IPv6 address, or a domain.

Source: URL standard, "host parsing"; the crate `url`, which has it for Spin, words the errors.
"""

import re
import string
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

import idna

Host = IPv4Address | IPv6Address | str
"""A domain is a text: in lower case, and in ASCII."""
FORBIDDEN = frozenset(" #/:<>?@[\\]^|%\x7f") | {chr(code) for code in range(0x20)}
IPV4_PARTS = 4
NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://(?P<authority>[^/?#]*).*|.*)")
PORT = re.compile(r"[0-9]+", re.ASCII)
MAX_PORT = 65535


class InvalidHost(ValueError):
    """A text that is no host, with the reason in a few words."""


def parse_host(text: str) -> Host:
    """Parse a host as it stands in a URL: an IPv6 address in brackets.

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
    except UnicodeError as error:  # idna's errors are of this kind too
        raise InvalidHost("invalid international domain name") from error
    if not ascii_name:
        raise InvalidHost("empty host")
    if FORBIDDEN & set(ascii_name):
        raise InvalidHost("invalid international domain name")
    return ascii_name


def _is_plain(name: str) -> bool:
    """Whether a name has no letter beyond ASCII, written out or encoded."""
    return name.isascii() and "xn--" not in name.lower()


def _ends_in_a_number(domain: str) -> bool:
    """Whether a domain's last label is a number, which no domain has but an IPv4 address."""
    return NUMBER.fullmatch(domain.removesuffix(".").rpartition(".")[2]) is not None


def _parse_ipv4(domain: str) -> IPv4Address:
    """Parse all forms that browsers take: up to four numbers, and the last fills what is left."""
    parts = domain.removesuffix(".").split(".")
    numbers = [_parse_number(part) for part in parts]
    *first, last = numbers
    if len(parts) > IPV4_PARTS or any(number > 0xFF for number in first):  # noqa: PLR2004 - a byte
        raise InvalidHost("invalid IPv4 address")
    if last >= 256 ** (IPV4_PARTS + 1 - len(parts)):
        raise InvalidHost("invalid IPv4 address")
    return IPv4Address(last + sum(number << (24 - 8 * i) for i, number in enumerate(first)))


def _parse_number(part: str) -> int:
    """Parse a number in base 10, 8 with a leading 0, or 16 with a leading 0x."""
    digits, base, allowed = part, 10, string.digits
    if part[:2] in ("0x", "0X"):
        digits, base, allowed = part[2:] or "0", 16, string.hexdigits
    elif part.startswith("0") and len(part) > 1:
        digits, base, allowed = part[1:], 8, string.octdigits
    if not digits or not set(digits) <= set(allowed):
        raise InvalidHost("invalid IPv4 address")
    return int(digits, base)


def check_url(url: str) -> None:
    """Fail for a text that is no URL.

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
