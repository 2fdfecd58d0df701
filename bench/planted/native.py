"""Talks as a client does, in this process: the real turns over a real Redis, without a guest."""

import contextlib
import itertools
import secrets
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from bench.planted.dialogues import Said
from chat.context.templates import render_prompt
from chat.core.errors import ModelFailed
from chat.core.messages import Completion, Message, Role, Sampling
from chat.redis.connection import Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from chat.settings import Settings
from chat.usecases.add_messages import add_messages
from chat.usecases.parts import outcome
from chat.usecases.ports import Embedder, Work
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.take_turn import Timing, TurnTaker
from chat.usecases.turn_memory import Recaller
from tests.chat.native import NativeConnection
from tests.chat.tokenizers import Count, load_sentencepiece, mistral_data

OWNER = "{bench}"
AT_ONCE = 100
"""How many messages one request adds."""


class Talker(Protocol):
    """Somebody who talks with the chat, in one conversation after another."""

    async def begin(self, prompt: Said, reply: Said) -> None:
        """Begin a conversation with a turn."""

    async def turn(self, prompt: Said, reply: Said) -> int:
        """Take a turn; return how many turns the conversation has evicted with it."""

    async def add(self, said: Sequence[tuple[Role, Said]]) -> None:
        """Add messages without asking for replies."""

    async def ask(self, prompt: str, at: float) -> str:
        """Return what the model is shown for a prompt; the conversation stays as it is."""


class SaidModel:
    """Says what it is to say, and keeps what it was shown; fails if there is nothing to say."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self.reply = ""
        self.shown = ""

    async def complete(
        self, messages: Sequence[Message], _: Sampling
    ) -> AsyncGenerator[str | Completion, None]:
        """Yield the reply, counted as a model with a template of Llama 2's counts."""
        self.shown = "\n".join(message.content for message in messages)
        if not self.reply:
            raise ModelFailed("nothing to say")
        prompt_tokens = 1 + self._count(render_prompt(messages, "llama2"))
        yield Completion(self.reply, prompt_tokens, 1 + self._count(self.reply))


class NativeTalker:
    """The `Talker` port over the use cases."""

    def __init__(
        self, connection: NativeConnection, settings: Settings, embedder: Embedder, max_found: int
    ) -> None:
        self._redis = Redis(connection)
        self._settings = settings
        self._embedder = embedder
        self._max_found = max_found
        self._model = SaidModel(load_sentencepiece(mistral_data() / "tokenizer.model.v1"))
        self._now = 0.0
        self._id = 0
        self._later: list[Work] = []

    def store(self) -> RedisTurnStore:
        """Return a store for one request."""
        settings = self._settings
        wanted = TurnStoreSettings(
            prefix=settings.key_prefix,
            fencing=secrets.token_hex(8),
            lock_ms=60_000,
            archive_turns=settings.archive_turns,
            limits=settings.limits,
            rate_tag=OWNER,
            owners=lambda _: [OWNER],
            max_found=self._max_found,
            tags=(settings.embedding_tag, settings.model_tag),
        )
        return RedisTurnStore(self._redis, wanted)

    def _recaller(self) -> Recaller:
        conversations = RedisConversationStore(
            self._redis,
            prefix=self._settings.key_prefix,
            fencing=secrets.token_hex(8),
            owner=OWNER,
            owners=lambda _: [OWNER],
        )
        return Recaller(self._settings, self._embedder, conversations, None, self._do_later)

    def _taker(self) -> TurnTaker:
        timing = Timing(lambda: self._now, Stopwatch(itertools.count().__next__))
        return TurnTaker(self.store(), self._model, self._recaller(), self._settings, timing)

    async def begin(self, prompt: Said, reply: Said) -> None:
        """Begin."""
        self._now, self._model.reply = reply.at, reply.text
        self._id = (await outcome(self._taker().start("", prompt.text, OWNER))).conversation_id

    async def turn(self, prompt: Said, reply: Said) -> int:
        """Take a turn in which the model says `reply`."""
        self._now, self._model.reply = reply.at, reply.text
        result = await outcome(self._taker().resume(self._id, prompt.text))
        await self._work_later()
        return len(result.usage.evicted)

    async def add(self, said: Sequence[tuple[Role, Said]]) -> None:
        """Add messages, `AT_ONCE` with each request."""
        for begin in range(0, len(said), AT_ONCE):
            some = said[begin : begin + AT_ONCE]
            self._now = some[-1][1].at
            messages = [Message(role, one.text, one.at) for role, one in some]
            await add_messages(
                self.store(), self._recaller(), lambda: self._now, self._settings, self._id,
                messages,
            )  # fmt: skip
            await self._work_later()

    async def ask(self, prompt: str, at: float) -> str:
        """Ask a model that fails: a turn that fails leaves everything as it was."""
        self._now, self._model.reply = at, ""
        with contextlib.suppress(ModelFailed):
            await outcome(self._taker().resume(self._id, prompt))
        return self._model.shown

    def _do_later(self, work: Work) -> None:
        self._later.append(work)

    async def _work_later(self) -> None:
        for work in self._later:
            await work()
        self._later.clear()
