"""Takes one turn: load, decide, ask the model, store."""

import contextlib
from dataclasses import dataclass

from chat.context import fit_context, make_messages, measure, message_tokens
from chat.errors import ChatError, ModelFailed, Unavailable
from chat.lifetime import FOREVER, lifetime_s
from chat.messages import Conversation, NewTurn, Turn
from chat.ports import Clock, ConversationStore, LanguageModel
from chat.settings import Settings


@dataclass(frozen=True)
class Usage:
    """What the model saw, in tokens and turns."""

    context_length: int
    prompt_tokens: int
    generated_tokens: int
    window_turns: int
    evicted_turns: int


@dataclass(frozen=True)
class TurnResult:
    """A turn that was stored.

    Units: `expires_at` is seconds since 1970; None if the conversation is kept for ever.
    """

    conversation_id: int
    context: str
    turn: Turn
    expires_at: int | None
    usage: Usage


class TurnTaker:
    """The use case, with the parts that it needs for one request."""

    def __init__(
        self, store: ConversationStore, model: LanguageModel, clock: Clock, settings: Settings
    ) -> None:
        self._store = store
        self._model = model
        self._clock = clock
        self._settings = settings

    def start(self, context: str, prompt: str) -> TurnResult:
        """Take the first turn of a new conversation; without a reply, no id is used up."""
        unsaved = Conversation(0, context, message_tokens(context) if context else 0, 0, ())
        new, usage = self._reply(unsaved, prompt)
        conversation_id = self._store.create(context, new)
        return make_result(conversation_id, context, new, usage)

    def resume(self, conversation_id: int, prompt: str) -> TurnResult:
        """Take the next turn of a conversation.

        Errors: those of the ports; whatever fails, the conversation is as it was and can go on.
        """
        loaded = self._store.load(conversation_id)
        try:
            new, usage = self._reply(loaded, prompt)
            self._store.commit(loaded, new)
        except ChatError:
            with contextlib.suppress(Unavailable):  # the lock then runs out by itself
                self._store.release(conversation_id)
            raise
        return make_result(conversation_id, loaded.context, new, usage)

    def _reply(self, loaded: Conversation, prompt: str) -> tuple[NewTurn, Usage]:
        settings = self._settings
        fit = fit_context(
            loaded.turns,
            prompt,
            context_tokens=loaded.context_tokens,
            context_length=settings.context_length,
            max_reply_tokens=settings.sampling.max_reply_tokens,
        )
        messages = make_messages(loaded.context, fit.kept, prompt)
        completion = self._model.complete(messages, settings.sampling)
        if not completion.text:
            raise ModelFailed("the model gave an empty reply; nothing was stored")
        measured = measure(fit, loaded.context_tokens, prompt, completion)
        now = self._clock()
        turn = Turn(
            number=loaded.turn_count + 1,
            prompt=prompt,
            reply=completion.text,
            prompt_tokens=measured.prompt_tokens,
            reply_tokens=measured.reply_tokens,
            at=now,
        )
        usage = Usage(
            context_length=settings.context_length,
            prompt_tokens=completion.prompt_tokens or fit.prompt_tokens,
            generated_tokens=completion.generated_tokens or measured.reply_tokens,
            window_turns=len(fit.kept) + 1,
            evicted_turns=len(fit.evicted),
        )
        kept_s = lifetime_s(settings.lifetimes, loaded.active_at, now)
        return NewTurn(turn, measured.context_tokens, len(fit.evicted), kept_s), usage


def make_result(conversation_id: int, context: str, new: NewTurn, usage: Usage) -> TurnResult:
    """Make the result of a turn that was stored."""
    expires_at = None if new.lifetime_s == FOREVER else int(new.turn.at) + new.lifetime_s
    return TurnResult(conversation_id, context, new.turn, expires_at, usage)
