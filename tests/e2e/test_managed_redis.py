"""A Redis as one rents it: behind TLS, with a password."""

import contextlib
import os
import pathlib
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
import trustme

from host.interfaces.resp import Connection, parse_address
from tests.running import RunningRedis, as_flags, run_host

PASSWORD = "p@ss/w:rd"


@contextlib.contextmanager
def behind_tls(redis: RunningRedis, authority: trustme.CA) -> Iterator[int]:
    """Yield the port of a proxy that speaks TLS and passes on what it decrypts."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener, context, redis.port), daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=serve, args=(plain, context, port), daemon=True).start()


def serve(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Pass on a connection; one after the other, as a client of Redis asks and waits."""
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(plain, server_side=True) as outside,
        socket.create_connection(("127.0.0.1", port)) as inside,
    ):
        threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
        copy(outside, inside)


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def rented(own_redis: RunningRedis) -> RunningRedis:
    connection = Connection(parse_address(own_redis.address))
    connection.call([b"CONFIG", b"SET", b"requirepass", PASSWORD.encode()])
    connection.close()
    return own_redis


def test_a_conversation_is_kept_behind_tls_and_a_password(
    wasm: pathlib.Path, rented: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    environ = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    (tmp_path / "password.txt").write_text(PASSWORD)
    with behind_tls(rented, authority) as port:
        variables = [
            f"redis_address=rediss://localhost:{port}",
            f"redis_password=@{tmp_path / 'password.txt'}",
        ]
        flags = as_flags(variables)
        with run_host(tmp_path / "host", *flags, environ=environ) as host:
            begun = host.post(context="You are a helpful chef.", prompt="My name is Ada.").json()
            again = host.post(id=begun["id"], prompt="What is my name?").json()
            printed = host.output()
        stranger = {**os.environ, "SSL_CERT_FILE": os.devnull}
        with run_host(tmp_path / "stranger", *flags, environ=stranger) as host:
            refused = host.post(id=begun["id"], prompt="What is my name?")

    assert again["reply"] == "Your name is Ada."
    assert PASSWORD not in printed
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")


@pytest.mark.parametrize("password", ["not-this-one", ""])
def test_a_login_that_redis_refuses_is_told_from_a_redis_that_is_away(
    wasm: pathlib.Path, rented: RunningRedis, tmp_path: pathlib.Path, password: str
) -> None:
    assert wasm.exists()
    variables = [f"redis_address={rented.address}", f"redis_password={password}"]
    flags = as_flags(variables)
    with run_host(tmp_path, *flags) as host:
        refused = host.post(context="c", prompt="p")

        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
        assert "refuses the login" in refused.json()["error"]["message"]
        assert "not-this-one" not in refused.text + host.output()
