"""Puts TLS before servers: the wheel's redis-server is built without it."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import trustme

HANDSHAKE = b"\x16"
"""How a connection begins whose client speaks TLS."""


@contextlib.contextmanager
def fronts(authority: trustme.CA, *names: str) -> Iterator[Callable[[int], int]]:
    """Yield what puts TLS before a port, and returns the port where it is spoken.

    There a server's replicas are let through in the clear, too: servers without TLS know no other
    port of each other.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    with contextlib.ExitStack() as closing:

        def begin(port: int) -> int:
            listener = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
            closing.callback(listener.shutdown, socket.SHUT_RDWR)
            threading.Thread(target=accept, args=(listener, context, port), daemon=True).start()
            return int(listener.getsockname()[1])

        yield begin


def accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            given, _ = listener.accept()
            threading.Thread(target=serve, args=(given, context, port), daemon=True).start()


def serve(given: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Pass on a connection; one after the other, as a client of Redis asks and waits."""
    with (
        contextlib.suppress(OSError),
        given,
        socket.create_connection(("127.0.0.1", port)) as inside,
        secured(given, context) as outside,
    ):
        threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
        copy(outside, inside)


def secured(given: socket.socket, context: ssl.SSLContext) -> socket.socket:
    is_tls = given.recv(1, socket.MSG_PEEK) == HANDSHAKE
    return context.wrap_socket(given, server_side=True) if is_tls else given


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
