"""Makes a branch: a new conversation with the turns of another one up to a message."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chat.context.budget import Fit, bounded_turn, fit_turns
from chat.core.errors import IdTaken
from chat.core.heads import Head, Summary
from chat.core.messages import Place, Turn
from chat.core.owners import anyone
from chat.core.refusals import UnknownMessage
from chat.core.undoing import undone_on_error
from chat.core.usage import TurnResult, Usage
from chat.settings import Settings
from chat.usecases.branch_ports import Branch, Brancher, Source
from chat.usecases.durable_ports import Whole
from chat.usecases.ports import AnsweredBefore, ConversationStore, Done, Repetition, TurnStore
from chat.usecases.rebuild import summary_of


@dataclass(frozen=True)
class BranchMaker:
    """Makes branches, with the parts that one request needs."""

    turns: TurnStore
    store: ConversationStore
    brancher: Brancher
    settings: Settings

    async def make(
        self,
        conversation_id: int,
        before: Place | None,
        owner: str | None,
        now: float,
        repetition: Repetition | None = None,
    ) -> Summary:
        """Make a branch with all that was said before a message; None for `before` is all.

        The conversation stays as it is, and may have a turn running. Without an `owner`, the branch
        belongs to anyone who knows its id.
        Errors: those of the ports, and UnknownMessage; if anything fails, nothing is stored.
        """
        try:
            await self.turns.admit(repetition, "conversation")
        except AnsweredBefore as answered:
            return await self.store.summarise(answered.result.conversation_id)
        async with undone_on_error(partial(self.turns.dismiss, repetition)):
            source = await self.brancher.load(conversation_id, before)
            beginning = await self._beginning(source, before)
            whole, first_number = make_whole_branch(source, before, beginning, self.settings, now)
            branch = Branch(whole, first_number, before)
            try:
                return await self._store(source, branch, owner, repetition)
            except IdTaken:
                await self.turns.mend_ids()
                return await self._store(source, branch, owner, repetition)

    async def _beginning(self, source: Source, before: Place | None) -> Turn | None:
        """Return the part of a turn that stands before a message; None if nothing does.

        Errors: UnknownMessage if there is no such message.
        """
        if before is None:
            return None
        loaded = [*source.older, *source.conversation.turns]
        found = [turn for turn in loaded if turn.number == before.turn_number]
        if not found:  # it may be too long to be loaded with the others
            conversation_id, number = source.conversation.id, before.turn_number
            page = await self.store.turns_page(conversation_id, number, 1)
            found = [stored.turn for stored in page if stored.turn.number == number]
        if not found or found[0].messages[before.index : before.index + 1] in ((), (None,)):
            raise UnknownMessage
        return beginning_of(found[0], before.index)

    async def _store(
        self, source: Source, branch: Branch, owner: str | None, repetition: Repetition | None
    ) -> Summary:
        taken = await self.turns.next_id()
        head = dataclasses.replace(branch.whole.head, id=taken)
        whole = dataclasses.replace(branch.whole, head=head)
        done = Done(repetition, _result(taken)) if repetition else None
        named = dataclasses.replace(branch, whole=whole, done=done)
        made = await self.brancher.store(source, named, owner or anyone(taken))
        return summary_of(whole, made.message_count, made.evicted_turns)


def beginning_of(turn: Turn, index: int) -> Turn | None:
    """Return a turn with the messages before the one at `index`; None if there are none."""
    messages = turn.messages[:index]
    if not any(messages):
        return None
    return bounded_turn(turn.number, messages, turn.at)


def make_whole_branch(
    source: Source, before: Place | None, beginning: Turn | None, settings: Settings, now: float
) -> tuple[Whole, int]:
    """Decide what is in the branch's window, and up to which turn evicted turns are copied.

    Shapes: `beginning` is the part of the last turn that the branch has. All evicted turns with a
            number below the second value are copied.
    """
    conversation = source.conversation
    end = conversation.turn_count + 1 if before is None else before.turn_number
    room_tokens = settings.context_length - settings.sampling.max_reply_tokens
    fit = fit_branch(source, end, beginning, room_tokens)
    anew = (*fit.evicted, *fit.kept)
    turn_count = end if beginning else end - 1
    head = Head(
        id=0,
        context=conversation.context,
        created_at=now,
        active_at=now,
        turn_count=turn_count,
        title=source.title if turn_count else None,
        is_pinned=False,
        namespace=conversation.namespace,
    )
    whole = Whole(
        head=head,
        evicted=fit.evicted,
        turns=fit.kept,
        context_tokens=conversation.context_tokens,
        window_tokens=fit.window_tokens,
        lifetime_s=settings.lifetimes.active_s,
        vocabulary=conversation.vocabulary,
    )
    return whole, anew[0].number if anew else end


def fit_branch(source: Source, end: int, beginning: Turn | None, room_tokens: int) -> Fit:
    """Fit the source's window into the branch's, and evicted turns again where there is room.

    Shapes: the branch has the turns with a number below `end`, and then `beginning`.
    """
    conversation = source.conversation
    window = [turn for turn in conversation.turns if turn.number < end]
    gone = conversation.turns[len(window) :]
    left = dataclasses.replace(
        conversation,
        turns=tuple(window),
        window_tokens=conversation.window_tokens - sum(turn.least_tokens for turn in gone),
    )
    fit = fit_turns(left, [*window, *([beginning] if beginning else [])], room_tokens)
    if fit.evicted:
        return fit
    older = [turn for turn in source.older if turn.number < end]
    again = _newest_that_fit(older, room_tokens - fit.window_tokens)
    window_tokens = fit.window_tokens + sum(turn.tokens for turn in again)
    return Fit((), (*again, *fit.kept), window_tokens, window_tokens)


def _newest_that_fit(turns: Sequence[Turn], room_tokens: int) -> Sequence[Turn]:
    begin = len(turns)
    while begin > 0 and turns[begin - 1].tokens <= room_tokens:
        begin -= 1
        room_tokens -= turns[begin].tokens
    return turns[begin:]


def _result(taken: int) -> TurnResult:
    """Make what is kept under an Idempotency-Key: for a branch, only its id matters."""
    return TurnResult(taken, "", "", "", None, Usage(0, 0, 0, 0, 0))
