"""Decides whom a request is from, by its credential; and what a new credential looks like.

A credential is a session token: 256 random bits that are stored nowhere. Its hash is in the key of
everything that is made with it, so that nothing of it can be reached without.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chat.core.owners import address_tag, anyone, digest, owner_tag
from chat.core.refusals import CredentialNeeded, InvalidCredential, OperatorNeeded

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 bits in base64url."""
COOKIE = "chat_session"
HOST_PREFIX = "__Host-"
"""A cookie with this name is taken by browsers from the host itself over TLS, not from a sister
site. Source: RFC 6265bis, section 4.1.3.2."""
COOKIE_S = 400 * 86_400
"""The longest that browsers keep a cookie. Source: RFC 6265bis."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SPIN_ADDRESS = "spin-client-addr"
"""Spin's own header: address and port. Spin sets it last, so a client cannot."""


@dataclass(frozen=True)
class Caller:
    """Whom a request is from.

    Shapes: `owner` is the tag of the credential, None without one; `address` is the client's;
            `is_page` says that a browser says that the page itself asks, and `cookie_owner` is then
            the tag of its cookie.
    """

    owner: str | None
    address: str
    is_secure: bool
    is_page: bool = False
    cookie_owner: str | None = None

    @property
    def rate_tag(self) -> str:
        """Name whom a limit is for."""
        return self.owner or address_tag(self.address)

    @property
    def wants_cookie(self) -> bool:
        """Whether a new credential may become the visitor's cookie.

        Only the page may ask for that, and a cookie that is there is never replaced: what belongs
        to it could not be reached any more.
        """
        return self.is_page and self.cookie_owner is None

    @property
    def presents_cookie(self) -> bool:
        """Whether the page asks in the name of its cookie."""
        return self.cookie_owner is not None and self.cookie_owner == self.owner

    def needed_owner(self) -> str:
        """Give the owner, for what only one with a credential has.

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
        """Render it as a `Set-Cookie` header, out of reach of scripts and of other sites."""
        secure = "; Secure" if is_secure else ""
        kept = f"Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{secure}"
        return f"{cookie_name(is_secure=is_secure)}={self.token}; {kept}"


def cookie_name(*, is_secure: bool) -> str:
    """Name the cookie of a visitor that came over TLS, or of one that did not."""
    return f"{HOST_PREFIX}{COOKIE}" if is_secure else COOKIE


def parse_caller(method: str, headers: Mapping[str, str], address_header: str) -> Caller:
    """Find out whom a request is from; `headers` have their names in lower case.

    Errors: InvalidCredential for a Bearer token that cannot be one of ours.
    """
    stranger = parse_stranger(headers, address_header)
    token = _bearer(headers)
    if token is None and (method in SAFE_METHODS or stranger.is_page):
        token = _cookie(headers, is_secure=stranger.is_secure)
    return replace(stranger, owner=owner_tag(token) if token else None)


def parse_stranger(headers: Mapping[str, str], address_header: str) -> Caller:
    """Find out where a request is from, whose credential does not matter."""
    scheme = headers.get("spin-full-url", "").partition("://")[0].lower()
    is_secure = "https" in (scheme, headers.get("x-forwarded-proto", "").strip().lower())
    is_page = _is_same_origin(headers)
    token = _cookie(headers, is_secure=is_secure) if is_page else None
    cookie_owner = owner_tag(token) if token else None
    return Caller(None, _address(headers, address_header), is_secure, is_page, cookie_owner)


def check_operator(headers: Mapping[str, str], admin_token: str) -> None:
    """Say whether a request is the operator's; it takes as long for any token.

    Errors: OperatorNeeded.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    given, wanted = (digest("operator", part) for part in (token.strip(), admin_token))
    if scheme.lower() != "bearer" or not hmac.compare_digest(given, wanted):
        raise OperatorNeeded


def owners_of(caller: Caller, conversation_id: int, *, is_open: bool) -> list[str]:
    """Name the owners under whom a caller may reach a conversation, the likelier one first.

    What was started without a credential is open to whoever knows the id, where that is allowed.
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
    """Take the page's cookie."""
    wanted = cookie_name(is_secure=is_secure)
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted and TOKEN.fullmatch(value):
            return value
    return None


def _is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that the page itself asks; what it says of the site decides.

    Browsers that do not say that tell the origin of every request that may change something.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, own = (_authority(headers.get(name, "")) for name in ("origin", "spin-full-url"))
    return bool(origin) and origin == own


def _authority(address: str) -> str:
    """Take host and port out of an address, as they stand there: `urlsplit` normalises them first.

    That takes the square of a name of combining marks, and fails for `http://[`.
    """
    return address.partition("://")[2].partition("/")[0]


def _address(headers: Mapping[str, str], name: str) -> str:
    """Take the address that the nearest trusted server saw: the last one of several."""
    value = headers.get(name, "").rpartition(",")[2].strip()
    return value.rpartition(":")[0] if name == SPIN_ADDRESS else value
