"""Decides whom a request is from, by its credential, and what a new credential looks like.

A credential is a session token: 256 random bits that are stored nowhere. The hash of the token is
in the key of everything that its owner makes, so that nothing can be reached without the token.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chat.core.owners import address_tag, anyone, digest, owner_tag
from chat.core.refusals import CredentialNeeded, InvalidCredential, OperatorNeeded

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 bits in base64url."""
COOKIE = "chat_session"
HOST_PREFIX = "__Host-"
"""The beginning of a cookie's name that keeps sister sites from setting the cookie.

Browsers accept a cookie with such a name only from the host itself, and only over TLS.
Source: RFC 6265bis, section 4.1.3.2.
"""
COOKIE_S = 400 * 86_400
"""The longest time that browsers keep a cookie. Source: RFC 6265bis."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SPIN_ADDRESS = "spin-client-addr"
"""Spin's own header with the client's address and port.

Spin sets it last, so a client's own header of this name has no effect.
"""


@dataclass(frozen=True)
class Caller:
    """Whom a request is from.

    Shapes: `owner` is the tag of the credential, None without one; `address` is the client's.
            `is_page`: whether the request comes from the chat page itself, as the browser says;
            `cookie_owner` is then the tag of the page's cookie, None without one.
    """

    owner: str | None
    address: str
    is_secure: bool
    is_page: bool = False
    cookie_owner: str | None = None

    @property
    def rate_tag(self) -> str:
        """The tag under which limits count the caller."""
        return self.owner or address_tag(self.address)

    @property
    def wants_cookie(self) -> bool:
        """Whether a new credential may become the visitor's cookie.

        Only the page may ask for a cookie. A cookie is never replaced, because what belongs to it
        could not be reached any more.
        """
        return self.is_page and self.cookie_owner is None

    @property
    def presents_cookie(self) -> bool:
        """Whether the page's cookie is the credential of this request."""
        return self.cookie_owner is not None and self.cookie_owner == self.owner

    def needed_owner(self) -> str:
        """Return the owner, for an operation that needs a credential.

        Errors: CredentialNeeded.
        """
        if self.owner is None:
            raise CredentialNeeded
        return self.owner


@dataclass(frozen=True)
class Session:
    """A new credential."""

    token: str = field(repr=False)

    def cookie(self, *, is_secure: bool, lifetime_s: int = COOKIE_S) -> str:
        """Render the token as a `Set-Cookie` header, out of reach of scripts and other sites."""
        secure = "; Secure" if is_secure else ""
        kept = f"Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{secure}"
        return f"{cookie_name(is_secure=is_secure)}={self.token}; {kept}"


def cookie_name(*, is_secure: bool) -> str:
    """Return the name of the cookie; `is_secure`: whether the visitor came over TLS."""
    return f"{HOST_PREFIX}{COOKIE}" if is_secure else COOKIE


def parse_caller(method: str, headers: Mapping[str, str], address_header: str) -> Caller:
    """Find out whom a request is from; `headers` have their names in lower case.

    Errors: InvalidCredential for a Bearer token that cannot be a session token.
    """
    stranger = parse_stranger(headers, address_header)
    token = _bearer(headers)
    if token is None and (method in SAFE_METHODS or stranger.is_page):
        token = _cookie(headers, is_secure=stranger.is_secure)
    owner = owner_tag(token) if token else None
    return Caller(
        owner, stranger.address, stranger.is_secure, stranger.is_page, stranger.cookie_owner
    )


def parse_stranger(headers: Mapping[str, str], address_header: str) -> Caller:
    """Find out where a request is from; its credential is not looked at."""
    scheme = headers.get("spin-full-url", "").partition("://")[0].lower()
    is_secure = "https" in (scheme, headers.get("x-forwarded-proto", "").strip().lower())
    is_page = _is_same_origin(headers)
    token = _cookie(headers, is_secure=is_secure) if is_page else None
    cookie_owner = owner_tag(token) if token else None
    return Caller(None, _address(headers, address_header), is_secure, is_page, cookie_owner)


def parse_session(headers: Mapping[str, str], caller: Caller) -> Session:
    """Return the credential that a request brings; only the page itself brings its cookie.

    Errors: CredentialNeeded if it brings none.
    """
    token = _bearer(headers)
    if token is None and caller.is_page:
        token = _cookie(headers, is_secure=caller.is_secure)
    if token is None:
        raise CredentialNeeded
    return Session(token)


def check_operator(headers: Mapping[str, str], admin_token: str) -> None:
    """Check that a request is the operator's.

    The check takes the same time for any token, so that the time tells nothing about the right one.
    Errors: OperatorNeeded if it is not.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    given, wanted = (digest("operator", part) for part in (token.strip(), admin_token))
    if scheme.lower() != "bearer" or not hmac.compare_digest(given, wanted):
        raise OperatorNeeded


def owners_of(caller: Caller, conversation_id: int, *, is_open: bool) -> list[str]:
    """Return the owners' tags under which a caller may reach a conversation, the likelier first.

    If `is_open`, whoever knows its id may reach a conversation begun without a credential.
    """
    owners = [caller.owner] if caller.owner else []
    return [*owners, anyone(conversation_id)] if is_open else owners


def _bearer(headers: Mapping[str, str]) -> str | None:
    value = headers.get("authorization")
    if value is None:
        return None
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() != "bearer" or not TOKEN.fullmatch(token.strip()):
        raise InvalidCredential
    return token.strip()


def _cookie(headers: Mapping[str, str], *, is_secure: bool) -> str | None:
    """Return the token in the page's cookie; None if there is none."""
    wanted = cookie_name(is_secure=is_secure)
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted and TOKEN.fullmatch(value):
            return value
    return None


def _is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that the request comes from the page itself.

    `Sec-Fetch-Site` decides. Browsers that do not send it send `Origin` with every request that may
    change something.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, own = (_authority(headers.get(name, "")) for name in ("origin", "spin-full-url"))
    return bool(origin) and origin == own


def _authority(address: str) -> str:
    """Return the host and port of an address as they are written.

    `urlsplit` would normalise them first, which takes time quadratic in the length of a name of
    combining marks, and fails for `http://[`.
    """
    return address.partition("://")[2].partition("/")[0]


def _address(headers: Mapping[str, str], name: str) -> str:
    """Return the client's address as the nearest trusted server saw it: the last one of several."""
    value = headers.get(name, "").rpartition(",")[2].strip()
    return value.rpartition(":")[0] if name == SPIN_ADDRESS else value
