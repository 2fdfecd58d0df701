"""Responds to items behind any turn: in a new conversation, in the same, or in a branch of it."""

from contextlib import aclosing
from dataclasses import dataclass, replace

from chat.context.asked import Asked
from chat.core.messages import Place, Turn
from chat.core.owners import digest
from chat.core.refusals import ConversationBusy, UnknownConversation, UnknownResponse
from chat.core.undoing import undone_on_error
from chat.core.usage import TurnResult
from chat.usecases.branch import BranchMaker
from chat.usecases.ports import Clock, ConversationStore, Repetition
from chat.usecases.read_messages import read_messages_after, read_turn
from chat.usecases.take_turn import Events, Taken, TurnTaker


@dataclass(frozen=True)
class Behind:
    """Behind which turn of a conversation a new one comes; None for `number` is the last one."""

    conversation_id: int
    number: int | None = None


@dataclass(frozen=True)
class Responder:
    """Responds, with the parts that one request needs; `owner` owns what is made."""

    taker: TurnTaker
    maker: BranchMaker
    store: ConversationStore
    owner: str
    clock: Clock

    async def respond(
        self, asked: Asked, behind: Behind | None, repetition: Repetition | None
    ) -> Events:
        """Take a turn; behind a turn that is not the last one, it is taken in a branch.

        Errors: those of a turn, and UnknownResponse; if anything fails, nothing is stored.
        """
        async with aclosing(self._events(asked, behind, repetition)) as events:
            async for event in events:
                yield event

    async def _events(
        self, asked: Asked, behind: Behind | None, repetition: Repetition | None
    ) -> Events:
        if behind is None:
            events = self.taker.begin("", asked, self.owner, repetition, is_named=True)
        elif behind.number is None:
            events = self.taker.go_on(behind.conversation_id, asked, repetition)
        else:
            last, end = await self._end_of(behind.conversation_id, behind.number)
            if end is not None and (done := await self._find_done(behind, repetition)):
                yield Taken(done, None)
                return
            if end is not None:
                events = self._branch(asked, behind.conversation_id, end, repetition)
            else:
                events = self.taker.go_on(behind.conversation_id, asked, repetition, behind=last)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _end_of(self, conversation_id: int, number: int) -> tuple[int, Place | None]:
        """Return the last turn's number, and the first message behind a response, if there is one.

        Errors: UnknownResponse.
        """
        try:
            turn = await find_response(self.store, conversation_id, number)
            last = (await self.store.summarise(conversation_id)).turn_count
        except (UnknownConversation, UnknownResponse) as error:
            raise UnknownResponse("previous_response_id") from error
        if last == number:
            return last, None
        after = Place(number, len(turn.messages))
        later = await read_messages_after(self.store, conversation_id, after, 1)
        return last, later[0].place if later else None

    async def _find_done(self, behind: Behind, repetition: Repetition | None) -> TurnResult | None:
        """Return the result of the turn that the same request took, when its was the last one."""
        if repetition is None:
            return None
        return await self.maker.turns.find_done(behind.conversation_id, repetition)

    async def _branch(
        self,
        asked: Asked,
        conversation_id: int,
        before: Place,
        repetition: Repetition | None,
    ) -> Events:
        """Take a turn in a branch; without a reply, or if nothing is to be kept, there is none.

        The branch is kept under the Idempotency-Key, and its turn under another one of its own.
        """
        now = self.clock()
        branch = await self.maker.make(conversation_id, before, self.owner, now, repetition)
        within = replace(repetition, key=digest("turn", repetition.key)) if repetition else None

        async def forget() -> None:
            await self.store.forget(branch.id)
            await self.maker.turns.dismiss(repetition, branch.id)

        async with (
            undone_on_error(forget, unless=ConversationBusy),  # the same request is in it
            aclosing(self.taker.go_on(branch.id, asked, within)) as events,
        ):
            async for event in events:
                if isinstance(event, Taken):
                    taken = event  # from here on, leaving undoes nothing
                else:
                    yield event
        if not asked.is_kept:
            await forget()
        yield taken


async def find_response(store: ConversationStore, conversation_id: int, number: int) -> Turn:
    """Return a turn that ends with a model's reply.

    Errors: those of the port, and UnknownResponse.
    """
    turn = await read_turn(store, conversation_id, number)
    if turn is None or not turn.shown()[-1].receipt:
        raise UnknownResponse
    return turn
