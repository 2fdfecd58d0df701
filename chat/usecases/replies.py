"""Decides what is stored of a turn once the model has replied."""

import dataclasses
from typing import NamedTuple

from chat.context.asked import Asked
from chat.context.budget import Fit, shown_tokens
from chat.context.counts import Beside, Measured, measure
from chat.context.recall import Recall
from chat.core.errors import ModelFailed
from chat.core.lifetime import expires_at, lifetime_s
from chat.core.messages import Commit, Completion, Conversation, Message, Turn
from chat.core.receipts import render_receipt
from chat.core.titles import make_title
from chat.core.usage import Recalled, RecalledMemory, TurnResult, Usage
from chat.settings import Settings


class Shown(NamedTuple):
    """What the model was shown for a turn."""

    loaded: Conversation
    fit: Fit
    recall: Recall
    asked: Asked


class Replied(NamedTuple):
    """What is to be stored of a turn, and what the model was shown for it."""

    commit: Commit
    usage: Usage

    @property
    def turn(self) -> Turn:
        """The new turn."""
        return self.commit.turns[0]


def make_replied(settings: Settings, shown: Shown, completion: Completion, now: float) -> Replied:
    """Make what is to be stored of a turn.

    Errors: ModelFailed for a reply that cannot be stored.
    """
    check_reply(completion, settings.max_prompt_bytes)
    loaded, fit, _, asked = shown
    measured = measure_reply(shown, completion)
    usage = make_usage(settings, shown, completion, measured)
    turn = Turn(
        number=loaded.turn_count + 1,
        messages=(*asked.messages, *reply_messages(completion, usage, asked)),
        prompt_tokens=measured.prompt_tokens,
        reply_tokens=measured.reply_tokens,
        least_tokens=measured.least_tokens,
        at=now,
    )
    commit = Commit(
        turns=(turn,),
        context_tokens=measured.context_tokens,
        window_tokens=measured.window_tokens,
        vocabulary=measured.vocabulary,
        evicted=fit.evicted,
        at=now,
        lifetime_s=lifetime_s(settings.lifetimes, loaded, now),
        title="" if loaded.turn_count else make_title(asked.said),
    )
    return Replied(commit, usage)


def check_reply(completion: Completion, max_bytes: int) -> None:
    """Refuse a reply that cannot be stored.

    Errors: ModelFailed if it is empty or has more than `max_bytes` bytes.
    """
    if not completion.text and not completion.calls:
        is_spent = completion.finish_reason == "length"
        why = ": it ended at `max_reply_tokens`, maybe while it reasoned" if is_spent else ""
        raise ModelFailed(f"the model gave an empty reply{why}")
    written = [completion.text, *(call.arguments for call in completion.calls)]
    if sum(len(text.encode()) for text in written) > max_bytes:
        raise ModelFailed(f"the model's reply has over {max_bytes} bytes")


def reply_messages(completion: Completion, usage: Usage, asked: Asked) -> list[Message]:
    """Return the text and each tool call as a message; the last one has the receipt."""
    messages = [Message("assistant", completion.text)] if completion.text else []
    messages += [Message("assistant", "", calls=(call,)) for call in completion.calls]
    last = messages[-1]._replace(metadata=asked.note, receipt=render_receipt(usage))
    return [*messages[:-1], last]


def measure_reply(shown: Shown, completion: Completion) -> Measured:
    """Return the bounds after a turn; what the model counted for calls bounds nothing.

    A model writes its calls shorter than they are shown to it again.
    """
    loaded, fit, recall, asked = shown
    counted = completion
    if completion.calls:
        counted = dataclasses.replace(completion, generated_tokens=0)
    measured = measure(
        fit,
        loaded,
        asked.prompt,
        counted,
        "\n\n".join(filter(None, (recall.text(), asked.instructions))),
        Beside(asked.around_tokens, asked.certain, asked.is_plain),
    )
    if not completion.calls:
        return measured
    calls_tokens = shown_tokens(Message("assistant", "", calls=completion.calls))
    return dataclasses.replace(
        measured,
        reply_tokens=measured.reply_tokens + calls_tokens,
        window_tokens=measured.window_tokens + calls_tokens,
    )


def make_usage(
    settings: Settings, shown: Shown, completion: Completion, measured: Measured
) -> Usage:
    """Return what the model was shown for a reply, in tokens and turns."""
    _, fit, recall, asked = shown
    most = (asked.sampling or settings.sampling).max_reply_tokens
    return Usage(
        context_length=settings.context_length,
        prompt_tokens=completion.prompt_tokens or fit.prompt_tokens,
        generated_tokens=completion.generated_tokens or measured.reply_tokens,
        window_turns=len(fit.kept) + 1,
        evicted_turns=len(fit.evicted),
        finish_reason=finish_reason(completion, most),
        evicted=tuple(turn.number for turn in fit.evicted),
        recalled=tuple(
            Recalled(quoted.found.turn.number, round(quoted.found.score, 4), quoted.age_s)
            for quoted in recall.turns
        ),
        memories=tuple(
            RecalledMemory(q.found.memory.id, round(1 - (q.found.distance or 0.0), 4), q.age_s)
            for q in recall.memories
        ),
        summarised_turns=recall.summary.last if recall.summary else 0,
    )


def finish_reason(completion: Completion, max_reply_tokens: int) -> str:
    """Return why a reply ended; if the model did not say, its length decides."""
    is_full = completion.generated_tokens >= max_reply_tokens
    return completion.finish_reason or ("length" if is_full else "stop")


def make_result(conversation: Conversation, replied: Replied, asked: Asked) -> TurnResult:
    """Make the result of a turn."""
    commit, turn = replied.commit, replied.turn
    reply = "".join(m.content for m in turn.messages[len(asked.messages) :] if m is not None)
    ends = expires_at(commit.at, commit.lifetime_s)
    return TurnResult(
        conversation.id, asked.prompt, conversation.context, reply, ends, replied.usage,
        turn.number,
    )  # fmt: skip
