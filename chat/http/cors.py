"""Decides what a page of another origin may read: nothing, unless the operator names its origin.

A browser never sends the cookie for such a page, so the page needs a credential of its own.
Source: the Fetch standard, section 3.3, CORS protocol.
"""

from collections.abc import Mapping, Sequence

from chat.core.refusals import CallerError

ALLOWED_HEADERS = (
    "authorization, content-type, idempotency-key, mcp-method, mcp-name, mcp-protocol-version, "
    "x-request-id"
)
EXPOSED_HEADERS = "ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id"
MAX_AGE_S = 600


def cors_headers(
    method: str, headers: Mapping[str, str], allowed: str, origins: Sequence[str]
) -> Mapping[str, str]:
    """Return the headers that let a page of one of `origins` read the answer.

    Shapes: `allowed` is the `Allow` header of the answer to OPTIONS; empty for other methods.
    """
    if not origins:
        return {}
    if headers.get("origin") not in origins:
        return {"vary": "origin"}
    granted = {
        "access-control-allow-origin": headers["origin"],
        "access-control-expose-headers": EXPOSED_HEADERS,
        "vary": "origin",
    }
    if method == "OPTIONS" and "access-control-request-method" in headers:
        granted |= {
            "access-control-allow-methods": allowed,
            "access-control-allow-headers": ALLOWED_HEADERS,
            "access-control-max-age": str(MAX_AGE_S),
        }
    return granted


class ForeignOrigin(CallerError):
    """A page of another origin asks, which the operator has not named in `cors_origins`."""

    status = 403
    code = "foreign_origin"

    def __init__(self) -> None:
        super().__init__("pages of this origin are not let in here: `cors_origins`", "Origin")


def check_origin(headers: Mapping[str, str], origins: Sequence[str]) -> None:
    """Refuse a page that is not of one of `origins`; who is no page sends no origin.

    Not even a page of the address that was asked is let in: whoever owns a name can have it lead to
    this machine, and then its pages are of that address.
    Errors: ForeignOrigin.
    Source: the Model Context Protocol, on attacks by DNS rebinding.
    """
    origin = headers.get("origin")
    if origin is not None and origin not in origins:
        raise ForeignOrigin
