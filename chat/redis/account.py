"""An owner's account in Redis, and what is counted for a client's address beside its turns."""

from chat.core.json_text import render_compact
from chat.core.limits import NO_BOUNDS, Adds, Bounds
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
"""What a script gets in place of an account if a conversation has no owner."""
RUNS_S = 60
"""How long new requests of an owner are refused if an erasure never ends, as its host was killed.

In seconds from the beginning of the erasure.
"""


class Account:
    """An owner's account, for one request. `word` is the word of the owner's mark, once read.

    The mark has another word after each erasure of the owner.
    """

    def __init__(
        self, prefix: str, owner: str, bounds: Bounds = NO_BOUNDS, newcomers: Keys | None = None
    ) -> None:
        """Take as `newcomers` the keys that count an owner when it is seen for the first time."""
        self.owner = owner
        self.keys = account_keys(prefix, owner)
        self.newcomers = newcomers or {}
        self.word: str | None = None
        self._bounds = bounds

    def render(self, adds: Adds = "", newcomers: int = 0) -> bytes:
        """Render the account for a script; `newcomers` is the limit of new owners a minute."""
        fields = {
            "word": self.word,
            "bytes": self._bounds.stored_bytes,
            "conversations": self._bounds.conversations,
            "adds": adds,
            "newcomers": newcomers if self.newcomers else 0,
        }
        return render_compact(fields).encode()

    async def read(self, redis: Redis) -> None:
        """Read the mark's word, in one round trip.

        Errors: OwnerErased while an erasure runs.
        """
        self.word = as_bytes(
            (await redis.run(READ_MARK, self.keys, account=self.render()))[0]
        ).decode()

    async def check(self, redis: Redis) -> None:
        """Refuse if the owner was erased since the word was read, in one round trip.

        If the word was not read yet, read it.
        Errors: OwnerErased.
        """
        if self.word is None:
            await self.read(redis)
        else:
            await redis.run(CHECK_MARK, self.keys, account=self.render())


def make_account(
    prefix: str, owner: str, bounds: Bounds, address_tag: str | None, *, is_new: bool
) -> Account:
    """Make the account of a request; `is_new` is whether the request makes its credential.

    Without an address, newcomers are counted elsewhere: see `Commons`.
    """
    if address_tag is None:
        address_tag = owner
    counted = (credentials_key if is_new else newcomers_key)(prefix, address_tag)
    return Account(prefix, owner, bounds, {"newcomers": counted, "seen": seen_key(prefix, owner)})


def account_of(account: Account | None, owner: str) -> tuple[Keys, bytes]:
    """Return the keys and the text of the account if it is this owner's; otherwise empty ones."""
    if account is None or account.owner != owner:
        return {}, NOBODY
    return account.keys, account.render()


async def count_credential(redis: Redis, prefix: str, address_tag: str, most: int) -> None:
    """Count a new credential, in one round trip.

    Errors: LimitExceeded.
    """
    await redis.run(
        COUNT_CREDENTIAL, {"credentials": credentials_key(prefix, address_tag)}, limit=most
    )


async def spend_import(redis: Redis, prefix: str, address_tag: str, most: int, size: int) -> None:
    """Count the bytes of an import, in one round trip; `most` is how many a minute may have.

    Errors: LimitExceeded.
    """
    if most:
        await redis.run(
            SPEND, {"imported": imported_key(prefix, address_tag)}, limit=most, size_bytes=size
        )


async def begin_erasure(redis: Redis, account: Account, word: str, longest_s: int) -> None:
    """Mark an owner as being erased.

    From now on, requests that began before store nothing, and new requests are refused until the
    erasure ends. `longest_s` is the longest time that a request which began before may take.
    """
    mark = {"mark": account.keys["mark"]}
    await redis.run(BEGIN_ERASURE, mark, word=word, runs_s=RUNS_S, marked_s=longest_s)


async def end_erasure(redis: Redis, account: Account, word: str) -> None:
    """Let requests that begin from now on store again."""
    await redis.run(END_ERASURE, {"mark": account.keys["mark"]}, word=word)
