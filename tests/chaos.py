"""What writers sent, what was stored of it, and whether the one can have come of the other."""

import collections
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Sent:
    """A prompt that one writer sent, once or, with a key, until it was answered 200.

    Shapes: `place` names the conversation that it is for, and no other; `answers` has the
            conversation's id and the reply of each 200.
    Units:  `begun` is before it was sent the first time and `ended` behind its first 200, or the
            last error before, in seconds of one clock.
    """

    place: str
    prompt: str
    key: str | None = None
    begun: float = 0.0
    ended: float = math.inf
    answers: list[tuple[int, str]] = field(default_factory=list)
    may_be_stored: bool = False

    def has_ended(self, now: float) -> None:
        """Note when an answer or an error came, unless it was answered before."""
        if not self.answers:
            self.ended = now


@dataclass(frozen=True)
class Stored:
    """A turn as it is read back."""

    conversation_id: int
    number: int
    prompt: str
    reply: str


def wrongs(
    sent: Sequence[Sent], stored: Sequence[Stored], said: Mapping[str, Collection[str]]
) -> list[str]:
    """Return what is wrong: no turn may be lost, doubled, torn, moved, or in another conversation.

    Shapes: `stored` are the turns of all conversations, each conversation's in its order; `said`
            has what the model said to each prompt.
    """
    of_prompt = collections.defaultdict(list)
    for turn in stored:
        of_prompt[turn.prompt].append(turn)
    by_prompt = {one.prompt: one for one in sent}
    known = [turn for turn in stored if turn.prompt in by_prompt]
    conversations = collections.defaultdict(list)
    for turn in known:
        conversations[turn.conversation_id].append(turn)
    firsts = [by_prompt[turns[0].prompt] for _, turns in sorted(conversations.items())]
    return [
        *(f"never sent: {turn}" for turn in stored if turn.prompt not in by_prompt),
        *(wrong for one in sent for wrong in _wrongs_of_one(one, of_prompt[one.prompt])),
        *(f"not whole: {turn}" for turn in known if turn.reply not in said.get(turn.prompt, ())),
        *(f"missing before: {turn}" for turn in _behind_gaps(stored)),
        *(wrong for turns in conversations.values() for wrong in _moved(turns, by_prompt)),
        *_mixed(conversations, by_prompt),
        *(f"a later id was given before: {one}" for one in _out_of_order(firsts)),
    ]


def _wrongs_of_one(one: Sent, turns: Sequence[Stored]) -> Iterator[str]:
    if len(turns) > 1:
        yield f"stored {len(turns)} times: {one}"
    if one.answers and not turns:
        yield f"answered and lost: {one}"
    if turns and not one.answers and not one.may_be_stored:
        yield f"refused and stored: {one}"
    if turns and set(one.answers) - {(turn.conversation_id, turn.reply) for turn in turns}:
        yield f"answered otherwise than stored: {one}, {turns}"


def _behind_gaps(stored: Sequence[Stored]) -> Iterator[Stored]:
    """Yield the turns whose numbers do not follow on the number before."""
    last: dict[int, int] = {}
    for turn in stored:
        if turn.number != last.get(turn.conversation_id, 0) + 1:
            yield turn
        last[turn.conversation_id] = turn.number


def _moved(turns: Iterable[Stored], by_prompt: Mapping[str, Sent]) -> Iterator[str]:
    for one in _out_of_order([by_prompt[turn.prompt] for turn in turns]):
        yield f"stored behind a later one: {one}"


def _out_of_order(ones: Iterable[Sent]) -> Iterator[Sent]:
    """Yield the turns that had ended before a turn in front of them began."""
    latest = -math.inf
    for one in ones:
        if one.ended < latest:
            yield one
        latest = max(latest, one.begun)


def _mixed(
    conversations: Mapping[int, Sequence[Stored]], by_prompt: Mapping[str, Sent]
) -> Iterator[str]:
    """Yield the conversations with turns of two places, and the places in two conversations."""
    homes = collections.defaultdict(set)
    for taken, turns in conversations.items():
        places = {by_prompt[turn.prompt].place for turn in turns}
        if len(places) > 1:
            yield f"conversation {taken} has turns of {sorted(places)}"
        for place in places:
            homes[place].add(taken)
    for place, ids in homes.items():
        if len(ids) > 1:
            yield f"{place} is in the conversations {sorted(ids)}"
