"""Tells who answers a request that its client is gone.

By `receive`, as ASGI has it, that would be seen only once the whole body was read.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Watchers = set[Callable[[], None]]
"""What is called when a connection is lost."""
WATCHERS = "watchers"
"""Where a request's `state` has those of its connection."""


class WatchedConnection(HttpToolsProtocol):
    """A connection, which calls its watchers when it is lost."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._watchers: Watchers = set()
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        """Let the application that will answer know the watchers."""
        super().on_message_begin()
        self.scope["state"][WATCHERS] = self._watchers

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for tell in tuple(self._watchers):
            tell()
