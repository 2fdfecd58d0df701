"""Keeps running summaries in the heads of conversations, in Redis."""

from collections.abc import Callable, Sequence

from chat.core.json_text import render_compact
from chat.core.portions import MAX_CALL_BYTES
from chat.core.refusals import UnknownConversation
from chat.core.summaries import RunningSummary
from chat.redis.account import Account, account_of
from chat.redis.connection import Redis, as_bytes, as_int, as_text
from chat.redis.keys import conversation_keys
from chat.redis.records import parse_summary, parse_turns
from chat.redis.scripts import KEEP_SUMMARY, UNSUMMARISED
from chat.usecases.summarise import Unsummarised


class RedisSummaries:
    """The `SummaryStore` port over one connection, for one request."""

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        owners: Callable[[int], Sequence[str]],
        account: Account | None = None,
    ) -> None:
        """Take the `owners` whose conversations the caller may reach."""
        self._redis = redis
        self._prefix = prefix
        self._owners = owners
        self._account = account

    async def load(self, conversation_id: int, count: int) -> Unsummarised:
        """Load in one round trip for each owner that may have the conversation."""
        for owner in self._owners(conversation_id):
            keys = conversation_keys(self._prefix, owner, conversation_id)
            try:
                summary, mark, turns = await self._redis.run(
                    UNSUMMARISED, keys, turn_count=count, max_bytes=MAX_CALL_BYTES
                )
            except UnknownConversation:
                continue
            before, found = parse_summary(as_bytes(summary)), parse_turns(as_text(turns))
            return Unsummarised(before, as_bytes(mark).decode(), found)
        raise UnknownConversation

    async def keep(self, conversation_id: int, summary: RunningSummary, mark: str) -> bool:
        """Keep in one round trip for each owner that may have the conversation."""
        for owner in self._owners(conversation_id):
            account_keys, account = account_of(self._account, owner)
            try:
                reply = await self._redis.run(
                    KEEP_SUMMARY,
                    conversation_keys(self._prefix, owner, conversation_id) | account_keys,
                    summary=render_compact({"last": summary.last, "text": summary.text}),
                    mark=mark,
                    conversation_id=conversation_id,
                    account=account,
                )
            except UnknownConversation:
                continue
            return as_int(reply[0]) == 1
        raise UnknownConversation
