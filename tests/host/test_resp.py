"""The Redis client against a real Redis: redis-rs' texts, replies laid out flat, URLs."""

import io
from collections.abc import Iterator

import pytest

from host.abi.values import Case, Err
from host.interfaces.redis import flatten
from host.interfaces.resp import (
    Address,
    Connection,
    InvalidAddress,
    RedisError,
    ServerError,
    describe_error,
    encode_command,
    parse_address,
    read_reply,
)
from tests.running import RunningRedis, free_port

SIGNALLED = "An error was signalled by the server"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(
            "ERR unknown command",
            f"{SIGNALLED} - ResponseError: unknown command",
            id="a known code is renamed",
        ),
        pytest.param(
            "NOSCRIPT No matching script. Please use EVAL.",
            f"{SIGNALLED} - NoScriptError: No matching script. Please use EVAL.",
            id="NOSCRIPT",
        ),
        pytest.param("EXECABORT", f"{SIGNALLED}- ExecAbortError", id="no detail"),
        pytest.param("WRONGTYPE Operation", "WRONGTYPE: Operation", id="an unknown code is kept"),
        pytest.param("MYCODE of mine", "MYCODE: of mine", id="a code of a script"),
        pytest.param("OOM command not allowed", "OOM: command not allowed", id="out of memory"),
        pytest.param(
            "READONLY You can't write", f"{SIGNALLED} - ReadOnly: You can't write",
            id="a replica",
        ),
    ],
)  # fmt: skip
def test_a_server_error_is_worded_as_redis_rs_does(line: str, text: str) -> None:
    assert describe_error(line) == text


@pytest.mark.parametrize(
    ("url", "address"),
    [
        pytest.param(
            "redis://h.test", Address("h.test", 6379, None, None, 0, False, True), id="default port"
        ),
        pytest.param(
            "rediss://u:p%40s@h.test:1/2",
            Address("h.test", 1, "u", "p@s", 2, True, True),
            id="all parts",
        ),
        pytest.param(
            "valkeys://h.test:1/#insecure",
            Address("h.test", 1, None, None, 0, True, False),
            id="insecure",
        ),
        pytest.param(
            "redis://[::1]:7?protocol=resp2",
            Address("::1", 7, None, None, 0, False, True),
            id="IPv6",
        ),
    ],
)
def test_a_redis_url_is_parsed(url: str, address: Address) -> None:
    assert parse_address(url) == address
    assert "p@s" not in repr(address)


@pytest.mark.parametrize(
    "url",
    ["h.test:6379", "http://h.test", "redis://", "redis://h.test/x", "redis://h.test/#other",
     "redis://h.test:port", "redis://h.test?protocol=9"],
)  # fmt: skip
def test_a_bad_redis_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(url)


@pytest.mark.parametrize(
    ("reply", "flat"),
    [
        pytest.param(b"+OK\r\n", [Case("status", "OK")], id="a status"),
        pytest.param(b"$2\r\nOK\r\n", [Case("binary", b"OK")], id="the same bytes in bulk"),
        pytest.param(b":-7\r\n", [Case("int64", -7)], id="a number"),
        pytest.param(b"$-1\r\n", [Case("nil")], id="a nil"),
        pytest.param(b"*-1\r\n", [Case("nil")], id="a nil array"),
        pytest.param(b"*0\r\n", [], id="an empty array"),
        pytest.param(b"$0\r\n\r\n", [Case("binary", b"")], id="empty bulk"),
        pytest.param(
            b"*2\r\n*2\r\n:1\r\n$-1\r\n*1\r\n+x\r\n",
            [Case("int64", 1), Case("nil"), Case("status", "x")],
            id="nested arrays",
        ),
        pytest.param(b"-OOPS no\r\n", Err(Case("other", "OOPS: no")), id="an error"),
        pytest.param(
            b"*2\r\n:1\r\n-OOPS no\r\n", Err(Case("other", "OOPS: no")), id="an error inside"
        ),
    ],
)
def test_a_reply_is_laid_out_as_execute_returns_it(reply: bytes, flat: list[Case] | Err) -> None:
    assert flatten(read_reply(io.BytesIO(reply))) == flat


@pytest.mark.parametrize("reply", [b"", b"+OK", b"$5\r\nab", b"*1\r\n"])
def test_a_reply_that_is_cut_is_a_broken_pipe(reply: bytes) -> None:
    with pytest.raises(RedisError, match="^broken pipe$"):
        read_reply(io.BytesIO(reply))


def test_a_result_over_the_limit_is_refused() -> None:
    with pytest.raises(RedisError, match="query result exceeds limit of 134217728 bytes"):
        read_reply(io.BytesIO(b"$134217729\r\n"))


def test_a_command_is_encoded_as_bulk_strings() -> None:
    assert (
        encode_command([b"SET", b"", b"\x00\r\n"])
        == b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\n\x00\r\n\r\n"
    )


@pytest.fixture
def connection(shared_redis: RunningRedis) -> Iterator[Connection]:
    opened = Connection(parse_address(shared_redis.address))
    yield opened
    opened.close()


def test_a_real_server_answers_and_fails_as_the_contract_says(connection: Connection) -> None:
    connection.call([b"SET", b"resp:text", b"x"])

    assert connection.call([b"LPUSH", b"resp:text", b"1"]) == ServerError(
        "WRONGTYPE: Operation against a key holding the wrong kind of value"
    )
    assert connection.call([b"EVALSHA", b"0" * 40, b"0"]) == ServerError(
        f"{SIGNALLED} - NoScriptError: No matching script. Please use EVAL."
    )
    own = b"return redis.error_reply('MYCODE text')"
    assert connection.call([b"EVAL", own, b"0"]) == ServerError("MYCODE: text")
    assert connection.call([b"EVAL", b"return 3.9", b"0"]) == 3


def test_a_password_is_checked_when_connecting(shared_redis: RunningRedis) -> None:
    url = shared_redis.address.replace("redis://", "redis://:wrong@")

    with pytest.raises(RedisError, match="^Password authentication failed- AuthenticationFailed$"):
        Connection(parse_address(url))


def test_a_database_is_selected_when_connecting(shared_redis: RunningRedis) -> None:
    with pytest.raises(RedisError, match="refused to switch database - ResponseError: DB index"):
        Connection(parse_address(shared_redis.address + "/99999"))


def test_a_refused_connection_has_the_systems_text() -> None:
    with pytest.raises(RedisError, match=r"^Connection refused \(os error 111\)$"):
        Connection(parse_address(f"redis://127.0.0.1:{free_port()}"))
