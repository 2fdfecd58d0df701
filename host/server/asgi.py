"""What the host's ASGI applications have in common."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]


async def reply(
    send: Send, status: int, body: bytes = b"", content_type: str = "", headers: Headers = ()
) -> None:
    """Send an answer of the host's own."""
    sent = [(b"content-length", str(len(body)).encode()), *headers]
    if content_type:
        sent.append((b"content-type", content_type.encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
