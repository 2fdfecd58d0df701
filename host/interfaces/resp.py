"""A Redis client that behaves as redis-rs 0.32 does inside Spin.

It speaks RESP2 over one socket, without timeouts, and does not reconnect. Errors have the texts of
redis-rs. Replies are parsed here and not by hiredis, because hiredis returns the same bytes for
`+OK` and `$2 OK`, which Spin tells apart.

Source: redis-rs `redis/src/{connection,parser,types}.rs`.
"""

import socket
import ssl
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

LIB_NAME, LIB_VERSION = "redis-rs", "0.32.5"
REPLY_LIMIT_BYTES = 128 * 1024 * 1024
"""Spin refuses larger results since 3.6.2."""
KINDS = {
    "ERR": "ResponseError", "EXECABORT": "ExecAbortError", "LOADING": "BusyLoadingError",
    "NOSCRIPT": "NoScriptError", "MOVED": "Moved", "ASK": "Ask", "TRYAGAIN": "TryAgain",
    "CLUSTERDOWN": "ClusterDown", "CROSSSLOT": "CrossSlot", "MASTERDOWN": "MasterDown",
    "READONLY": "ReadOnly", "NOTBUSY": "NotBusy", "NOSUB": "NoSub",
}  # fmt: skip
"""The error codes that redis-rs knows, and the names that it writes in their place."""


class InvalidAddress(Exception):
    """A URL that redis-rs cannot parse."""


class RedisError(Exception):
    """A failed call, with the text that the guest gets."""


@dataclass(frozen=True)
class Status:
    """A simple string, as `+OK`."""

    text: str


@dataclass(frozen=True)
class ServerError:
    """An error reply, in redis-rs' words."""

    text: str


Reply = None | int | bytes | Status | ServerError | list["Reply"]


def describe_error(line: str) -> str:
    """Return a server's error line as redis-rs words it."""
    code, _, detail = line.partition(" ")
    kind = KINDS.get(code)
    if kind is not None:
        prefix = "An error was signalled by the server"
        return f"{prefix} - {kind}: {detail}" if detail else f"{prefix}- {kind}"
    return f"{code}: {detail}" if detail else code


@dataclass(frozen=True)
class Address:
    """A parsed Redis URL."""

    host: str
    port: int
    username: str | None
    password: str | None
    database: int
    is_tls: bool
    is_verified: bool

    def __repr__(self) -> str:
        return f"Address({self.host}:{self.port}/{self.database})"


def parse_address(url: str) -> Address:
    """Parse `{redis|rediss|valkey|valkeys}://[user][:password@]host[:port][/db]`.

    Errors: InvalidAddress.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise InvalidAddress from error
    is_tls = parts.scheme in ("rediss", "valkeys")
    if parts.scheme not in ("redis", "rediss", "valkey", "valkeys") or not host:
        raise InvalidAddress
    if parts.fragment and not (is_tls and parts.fragment == "insecure"):
        raise InvalidAddress
    protocol = parse_qs(parts.query).get("protocol", ["2"])[-1]
    database = parts.path.strip("/") or "0"
    if protocol not in ("2", "resp2") or not database.isdecimal():
        raise InvalidAddress
    return Address(
        host,
        port or 6379,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        int(database),
        is_tls,
        parts.fragment != "insecure",
    )


def encode_command(arguments: list[bytes]) -> bytes:
    """Encode a command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        parts += (b"$%d\r\n" % len(argument), argument, b"\r\n")
    return b"".join(parts)


def read_reply(stream: BinaryIO) -> Reply:
    """Read one reply.

    Errors: RedisError "broken pipe" when the stream ends, and for a reply over the limit.
    """
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise RedisError("broken pipe")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return Status(rest.decode("utf-8", "replace"))
    if kind == b"-":
        return ServerError(describe_error(rest.decode("utf-8", "replace")))
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return _read_bulk(stream, int(rest))
    if kind == b"*":
        return None if rest == b"-1" else [read_reply(stream) for _ in range(int(rest))]
    raise RedisError(f"Could not convert Redis response - unknown type {kind!r}")


def _read_bulk(stream: BinaryIO, length: int) -> bytes | None:
    if length < 0:
        return None
    if length > REPLY_LIMIT_BYTES:
        raise RedisError(f"query result exceeds limit of {REPLY_LIMIT_BYTES} bytes")
    data = stream.read(length + 2)
    if len(data) != length + 2:
        raise RedisError("broken pipe")
    return data[:-2]


class Connection:
    """One socket to one Redis server; after an I/O error it stays broken."""

    def __init__(self, address: Address) -> None:
        """Connect, and send all commands that set up the connection in one write.

        Errors: RedisError with the text of the system's or DNS's error, or of the server's refusal.
        """
        try:
            self._socket = _connect(address)
        except socket.gaierror as error:
            raise RedisError(f"failed to lookup address information: {error.strerror}") from error
        except OSError as error:
            raise RedisError(describe_os_error(error)) from error
        self._stream: BinaryIO = self._socket.makefile("rb")
        try:
            self._set_up(address)
        except RedisError:
            self.close()
            raise

    def _set_up(self, address: Address) -> None:
        commands: list[list[str]] = []
        if address.password is not None:
            user = [address.username] if address.username else []
            commands.append(["AUTH", *user, address.password])
        if address.database:
            commands.append(["SELECT", str(address.database)])
        commands += [
            ["CLIENT", "SETINFO", "LIB-NAME", LIB_NAME],
            ["CLIENT", "SETINFO", "LIB-VER", LIB_VERSION],
        ]
        self._send(
            b"".join(encode_command([part.encode() for part in command]) for command in commands)
        )
        for command in commands:
            reply = self._read()
            if isinstance(reply, ServerError) and command[0] in ("AUTH", "SELECT"):
                raise RedisError(_refusal(command[0], reply.text))

    def call(self, arguments: list[bytes]) -> Reply:
        """Send one command and wait for its reply, however long it takes.

        Errors: RedisError if the connection breaks; a server's error is returned, not raised.
        """
        self._send(encode_command(arguments))
        return self._read()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise RedisError("broken pipe") from error

    def _read(self) -> Reply:
        try:
            return read_reply(self._stream)
        except (OSError, ValueError) as error:
            raise RedisError("broken pipe") from error

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


def _connect(address: Address) -> socket.socket:
    plain = socket.create_connection((address.host, address.port))
    if not address.is_tls:
        return plain
    context = ssl.create_default_context()
    if not address.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=address.host)


def _refusal(command: str, text: str) -> str:
    if command == "AUTH":
        return "Password authentication failed- AuthenticationFailed"
    detail = text.removeprefix("An error was signalled by the server - ")
    return f"Redis server refused to switch database - {detail}"


def describe_os_error(error: OSError) -> str:
    """Return a system error as Rust words it: `Connection refused (os error 111)`."""
    return f"{error.strerror} (os error {error.errno})" if error.errno else str(error)
