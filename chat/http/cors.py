"""Decides what a page of another origin may read: nothing, unless the operator names its origin.

A browser never sends the cookie for such a page, so the page needs a credential of its own.
Source: the Fetch standard, section 3.3, CORS protocol.
"""

from collections.abc import Mapping, Sequence

ALLOWED_HEADERS = "authorization, content-type, idempotency-key, x-request-id"
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
