"""An owner's account in Redis, and what is counted of a client's address beside its turns."""

from chat.core.json_text import render_compact
from chat.core.limits import NO_BOUNDS, Bounds
from chat.core.messages import Adds
from chat.redis.connection import Redis, as_bytes
from chat.redis.keys import (
    Keys,
    account_keys,
    credentials_key,
    imported_key,
    newcomers_key,
    seen_key,
)
from chat.redis.scripts import (
    BEGIN_ERASURE,
    CHECK_MARK,
    COUNT_CREDENTIAL,
    END_ERASURE,
    READ_MARK,
    SPEND,
)

NOBODY = b""
"""Stands for the account of what is nobody's."""
RUNS_S = 60
"""How long an erasure keeps what an owner begins waiting, if it never ends: its host was killed."""


class Account:
    """An owner's account, for one request. `word` is that of its mark, once it was read."""

    def __init__(
        self, prefix: str, owner: str, bounds: Bounds = NO_BOUNDS, newcomers: Keys | None = None
    ) -> None:
        """Take the keys under which an owner that nobody saw before is counted."""
        self.owner = owner
        self.keys = account_keys(prefix, owner)
        self.newcomers = newcomers or {}
        self.word: str | None = None
        self._bounds = bounds

    def render(self, adds: Adds = "", newcomers: int = 0) -> bytes:
        """Render it for a script; `newcomers` is their limit."""
        fields = {
            "word": self.word,
            "bytes": self._bounds.stored_bytes,
            "conversations": self._bounds.conversations,
            "adds": adds,
            "newcomers": newcomers if self.newcomers else 0,
        }
        return render_compact(fields).encode()

    def read(self, redis: Redis) -> None:
        """Read the word, in one round trip.

        Errors: OwnerErased while an erasure runs.
        """
        self.word = as_bytes(redis.run(READ_MARK, self.keys, account=self.render())[0]).decode()

    def check(self, redis: Redis) -> None:
        """Say whether the owner was erased since, in one round trip; read the word if it was not.

        Errors: OwnerErased.
        """
        if self.word is None:
            self.read(redis)
        else:
            redis.run(CHECK_MARK, self.keys, account=self.render())


def make_account(
    prefix: str, owner: str, bounds: Bounds, address_tag: str, *, is_new: bool
) -> Account:
    """Make the account of a request; `is_new` says that its credential is made by it."""
    counted = (credentials_key if is_new else newcomers_key)(prefix, address_tag)
    return Account(prefix, owner, bounds, {"newcomers": counted, "seen": seen_key(prefix, owner)})


def account_of(account: Account | None, owner: str) -> tuple[Keys, bytes]:
    """Give the keys and the text of the account of what is an owner's; of nobody's, neither."""
    if account is None or account.owner != owner:
        return {}, NOBODY
    return account.keys, account.render()


def count_credential(redis: Redis, prefix: str, address_tag: str, most: int) -> None:
    """Count a new credential, in one round trip.

    Errors: LimitExceeded.
    """
    redis.run(COUNT_CREDENTIAL, {"credentials": credentials_key(prefix, address_tag)}, limit=most)


def spend_import(redis: Redis, prefix: str, address_tag: str, most: int, size: int) -> None:
    """Count the bytes of an import, in one round trip; `most` is what a minute may have.

    Errors: LimitExceeded.
    """
    if most:
        redis.run(
            SPEND, {"imported": imported_key(prefix, address_tag)}, limit=most, size_bytes=size
        )


def begin_erasure(redis: Redis, account: Account, word: str, longest_s: int) -> None:
    """Mark an owner: what began before stores nothing from now on, nor does what begins meanwhile.

    `longest_s` is how long a request may take that began before.
    """
    mark = {"mark": account.keys["mark"]}
    redis.run(BEGIN_ERASURE, mark, word=word, runs_s=RUNS_S, marked_s=longest_s)


def end_erasure(redis: Redis, account: Account, word: str) -> None:
    """Let what begins from now on store again."""
    redis.run(END_ERASURE, {"mark": account.keys["mark"]}, word=word)
