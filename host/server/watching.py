"""Tells the application that answers a request when the client goes away.

ASGI's own way, `receive`, would show that only after the whole body was read.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Watchers = set[Callable[[], None]]
"""The functions that are called when a connection is lost."""
WATCHERS = "watchers"
"""The key of a connection's watchers in the `state` of its requests."""


class WatchedConnection(HttpToolsProtocol):
    """A connection that calls its watchers when it is lost."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._watchers: Watchers = set()
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        """Put the watchers where the application that will answer finds them."""
        super().on_message_begin()
        self.scope["state"][WATCHERS] = self._watchers

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for tell in tuple(self._watchers):
            tell()
