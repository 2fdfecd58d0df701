"""What Redis and its client say when they refuse, and what that means to an operator."""

import pytest

from chat.core.errors import MAYBE_STORED, NOTHING_STORED
from chat.redis.failures import parse_failure

SERVER = "An error was signalled by the server - "


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Password authentication failed- AuthenticationFailed", "refuses the login"),
        ("NOAUTH: Authentication required.", "refuses the login"),
        (f"{SERVER}ResponseError: Protocol error: unauthenticated multibulk length",
         "refuses the login"),
        ("NOPERM: this user has no permissions", "does not allow its user"),
        ("Redis server refused to switch database - ResponseError: DB index is out of range",
         "does not have the database of `redis_database`"),
        ("OOM: command not allowed when used memory > 'maxmemory'.", "is full"),
        (f"{SERVER}ReadOnly: You can't write against a read only replica.", "is read-only"),
        ("MISCONF: Redis is configured to save RDB snapshots", "cannot save to its disk"),
        (f"{SERVER}BusyLoadingError: Redis is loading the dataset in memory", "is still loading"),
        ("Connection refused (os error 111)", "nothing listens at `redis_address`"),
        ("failed to lookup address information: not known", "nobody knows the host"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: x (os error 1)",
         "has a certificate that this host does not trust"),
        ("error:0A000086:SSL routines:tls_post_process:certificate verify failed",
         "has a certificate that this host does not trust"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (os error 1)", "does not speak TLS"),
        ("what nobody has seen before: secret", "is not available"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_our_own_words(text: str, meaning: str) -> None:
    failure = parse_failure(text)

    assert meaning in str(failure)
    assert text not in str(failure)
    assert failure.promise == NOTHING_STORED


def test_a_connection_that_broke_may_have_stored() -> None:
    assert parse_failure("broken pipe").promise == MAYBE_STORED
