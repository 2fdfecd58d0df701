"""The token budget: what is kept, what is evicted, what is refused."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.context.budget import (
    LEAST_TEMPLATE_TOKENS,
    NO_USER_MESSAGE,
    Room,
    bounded_turn,
    fit_turns,
    message_tokens,
    template_tokens,
)
from chat.context.counts import Measured, measure
from chat.context.showing import lay_out
from chat.core.messages import Completion, Conversation, Message, Role, Turn
from chat.core.refusals import PromptTooLong
from chat.core.tokens import LARGE, SMALL, UNKNOWN, Vocabulary, estimate_tokens, least_tokens
from chat.core.tool_calls import ToolCall

NEW = message_tokens("hi")
CONTEXT_TOKENS = 10


def shown(context: str, turns: list[Turn], prompt: str) -> list[Message]:
    said = [*(message for turn in turns for message in turn.shown()), Message("user", prompt)]
    return lay_out(context, said, has_tools=True)


def turn(number: int, tokens: int, least_tokens: int | None = None) -> Turn:
    """Make a turn that takes exactly `tokens`, or anything from `least_tokens` on."""
    messages = (Message("user", f"p{number}"), Message("assistant", "r"))
    return Turn(number, messages, tokens - 1, 1, least_tokens or tokens, 0.0)


def conversation(turns: list[Turn], window_tokens: int | None = None) -> Conversation:
    """Make a conversation whose window is known to be no more than `window_tokens`."""
    parts_tokens = CONTEXT_TOKENS + sum(turn.tokens for turn in turns)
    window_tokens = parts_tokens if window_tokens is None else window_tokens
    return Conversation(1, "{o}", "", CONTEXT_TOKENS, window_tokens, len(turns), tuple(turns))


def fit(
    turns: list[Turn], room: int, window_tokens: int | None = None
) -> tuple[list[int], list[int]]:
    """Fit turns in `room` tokens; return the numbers of the evicted and of the kept turns."""
    result = Room(
        conversation(turns, window_tokens),
        "hi",
        context_length=CONTEXT_TOKENS + NEW + 5 + room,
        max_reply_tokens=5,
    ).fit()
    return [turn.number for turn in result.evicted], [turn.number for turn in result.kept]


@pytest.mark.parametrize(
    ("room", "evicted", "kept"),
    [
        pytest.param(0, [1, 2, 3], [], id="no room evicts every turn"),
        pytest.param(99, [1, 2, 3], [], id="one under a turn"),
        pytest.param(100, [1, 2], [3], id="exactly one turn"),
        pytest.param(199, [1, 2], [3], id="rounds down to whole turns"),
        pytest.param(299, [1], [2, 3], id="one under all"),
        pytest.param(300, [], [1, 2, 3], id="exactly all"),
    ],
)
def test_the_newest_whole_turns_that_fit_are_kept(
    room: int, evicted: list[int], kept: list[int]
) -> None:
    assert fit([turn(n, 100) for n in (1, 2, 3)], room) == (evicted, kept)


def test_a_long_turn_is_not_jumped_over() -> None:
    assert fit([turn(1, 40), turn(2, 500), turn(3, 40)], 100) == ([1, 2], [3])


def test_a_prompt_that_exactly_fits_is_taken_and_one_token_more_is_refused() -> None:
    Room(conversation([]), "hi", context_length=10 + NEW + 5, max_reply_tokens=5).fit()

    with pytest.raises(
        PromptTooLong, match=f"about {15 + NEW} tokens, and the context length is {14 + NEW}"
    ):
        Room(conversation([]), "hi", context_length=14 + NEW, max_reply_tokens=5).fit()


SIZES = st.lists(st.tuples(st.integers(1, 200), st.integers(0, 200)), max_size=30)


@given(SIZES, st.integers(0, 3000), st.integers(0, 3000))
def test_turns_are_split_in_order_and_the_kept_ones_fit_by_one_of_the_bounds(
    sizes: list[tuple[int, int]], room: int, unknown: int
) -> None:
    turns = [turn(n, least + more, least) for n, (least, more) in enumerate(sizes, 1)]
    window = CONTEXT_TOKENS + sum(t.least_tokens for t in turns) + unknown

    evicted, kept = fit(turns, room, window)

    assert evicted + kept == [turn.number for turn in turns]

    def bound(first: int) -> int:
        most = sum(t.tokens for t in turns[first:])
        known = window - CONTEXT_TOKENS - sum(t.least_tokens for t in turns[:first])
        return min(most, known)

    assert bound(len(evicted)) <= room
    if evicted:
        assert bound(len(evicted) - 1) > room, "and one more would not"


def test_what_is_known_of_the_window_counts_less_the_least_of_what_was_evicted() -> None:
    loose = [turn(n, 100, 20) for n in (1, 2, 3)]

    assert fit(loose, 300) == ([], [1, 2, 3])
    assert fit(loose, 150, CONTEXT_TOKENS + 150) == ([], [1, 2, 3]), "it was counted"
    assert fit(loose, 149, CONTEXT_TOKENS + 150) == ([1], [2, 3]), "130 at most are left"
    assert fit(loose, 120, CONTEXT_TOKENS + 150) == ([1, 2], [3]), "the third alone is 100 at most"


def test_the_model_is_shown_the_context_the_turns_and_the_prompt() -> None:
    turns = [Turn(1, (Message("user", "a"), Message("assistant", "b")), 0, 0, 0, 0.0)]

    assert shown("sys", turns, "c") == [
        Message("system", "sys"),
        Message("user", "a"),
        Message("assistant", "b"),
        Message("user", "c"),
    ]
    assert shown("", [], "c") == [Message("user", "c")]


def test_messages_of_any_role_are_shown_as_user_and_assistant_in_turn() -> None:
    added = Turn(
        1,
        (
            Message("assistant", "Welcome."),
            None,
            Message("user", "a"),
            Message("tool", "42"),
            Message("system", "be kind"),
        ),
        0,
        0,
        0,
        0.0,
    )

    assert shown("", [added], "b") == [
        Message("user", NO_USER_MESSAGE),
        Message("assistant", "Welcome."),
        Message("user", "a\n\n(tool)\n42\n\n(system)\nbe kind\n\nb"),
    ]


def measured(
    kept: list[Turn], prompt_tokens: int, generated: int, reply: str = "a reply", recalled: str = ""
) -> Measured:
    loaded = conversation(kept)
    fitted = Room(loaded, "hello", context_length=9999, max_reply_tokens=1).fit()
    return measure(fitted, loaded, "hello", Completion(reply, prompt_tokens, generated), recalled)


HELLO = message_tokens("hello")
REPLY = message_tokens("a reply")


def test_the_window_is_what_the_model_counted_and_the_reply() -> None:
    result = measured([turn(1, 100)], 120, 7)

    assert result.window_tokens == 120 + 7
    assert (result.prompt_tokens, result.reply_tokens) == (HELLO, 7)


def test_the_least_of_a_prompt_is_what_was_counted_beyond_the_most_of_all_else() -> None:
    words = 1 + LEAST_TEMPLATE_TOKENS

    assert measured([turn(1, 100)], 110 + 9, 7).least_tokens == 9 + (7 - 1)
    assert measured([turn(1, 100)], 110 + 1, 7).least_tokens == words + (7 - 1)
    assert measured([turn(1, 100)], 110 + HELLO, 7).least_tokens == HELLO + (7 - 1)
    more_than_can_be = 110 + HELLO + 1
    assert measured([turn(1, 100)], more_than_can_be, 7).least_tokens == words + (7 - 1)


def test_what_was_recalled_for_one_prompt_is_not_of_the_window() -> None:
    result = measured([turn(1, 100)], 120, 7, recalled="six words that were said before")

    assert result.window_tokens == 120 - 6 + 7


def test_the_first_prompt_bounds_the_system_context() -> None:
    assert measured([], 9, 7).context_tokens == 9 - 1
    assert measured([], 60, 7).context_tokens == CONTEXT_TOKENS
    assert measured([turn(1, 5)], 9, 7).context_tokens == CONTEXT_TOKENS


@pytest.mark.parametrize("counted", [0, 50])
def test_a_model_that_counts_nothing_or_what_cannot_be_leaves_the_bounds(counted: int) -> None:
    result = measured([turn(1, 100)], counted, 0)

    assert result.window_tokens == CONTEXT_TOKENS + 100 + HELLO + REPLY
    assert (result.reply_tokens, result.least_tokens) == (REPLY, 1 + 2 + LEAST_TEMPLATE_TOKENS)


def test_a_reply_that_was_cut_is_no_more_than_its_estimate_and_no_less_than_its_words() -> None:
    result = measured([], 60, 900)

    assert (result.reply_tokens, result.least_tokens) == (REPLY, 1 + 2 + LEAST_TEMPLATE_TOKENS)


ENGLISH = (
    "The quick brown fox jumps over the lazy dog, and it was a sunny afternoon in the village. "
)


def talk_of(context_tokens: int) -> Conversation:
    return Conversation(1, "{o}", "", context_tokens, context_tokens, 0, ())


DEFAULTS = {"context_length": 3500, "max_reply_tokens": 256}


def test_the_defaults_take_4500_characters_of_english_and_refuse_5000() -> None:
    """docs/memory.md says so."""
    new = talk_of(message_tokens("You are a helpful chef."))

    Room(new, (ENGLISH * 60)[:4500], **DEFAULTS).fit()
    with pytest.raises(PromptTooLong):
        Room(new, (ENGLISH * 60)[:5000], **DEFAULTS).fit()


def test_a_large_vocabulary_takes_8000() -> None:
    """docs/memory.md says so."""
    new = talk_of(message_tokens("You are a helpful chef."))

    Room(dataclasses.replace(new, vocabulary=LARGE), (ENGLISH * 150)[:8000], **DEFAULTS).fit()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0), ("two words", 2), ("Well, two words.", 3 + 2), ("x" * 50, 3), ("f(x)", 1 + 1),
        ("你好", 1), ("one\ntwo\tthree", 3),
    ],
)  # fmt: skip
def test_the_least_goes_by_words_and_the_signs_behind_them(text: str, tokens: int) -> None:
    assert least_tokens(text) == tokens


@given(st.text())
def test_an_estimate_is_never_below_the_least(text: str) -> None:
    assert estimate_tokens(text) >= least_tokens(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", 1, id="nothing"),
        pytest.param("word", 1 + 3, id="a word"),
        pytest.param("two words", 1 + 3 + 4, id="a space belongs to the word behind it"),
        pytest.param("1234", 1 + 4, id="digits"),
        pytest.param("\n\n  ", 1 + 4, id="white space"),
        pytest.param("你好", 1 + 6, id="bytes of another script"),
        pytest.param("🎉", 1 + 4, id="an emoji"),
    ],
)
def test_an_estimate_goes_by_class_of_character(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("the house", 1 + 2, id="words that are pieces"),
        pytest.param("The house", 1 + 3, id="a capital is one more"),
        pytest.param("houseing", 1 + 2, id="put together from pieces"),
        pytest.param("qqq", 1 + 3, id="letters that are in no piece"),
        pytest.param("HOUSE", 1 + 5, id="capitals"),
        pytest.param("你好 42", 1 + 6 + 2, id="the rest as ever"),
    ],
)
def test_words_of_a_large_vocabulary_are_estimated_by_pieces(text: str, tokens: int) -> None:
    assert estimate_tokens(text, LARGE) == tokens


PROSE = "An interesting afternoon passed while everybody discussed something important. " * 5


def test_a_vocabulary_is_large_once_enough_prose_was_counted_so() -> None:
    tokens = estimate_tokens(PROSE, LARGE)

    assert not UNKNOWN.is_large
    assert UNKNOWN.observe(PROSE, tokens - 1, tokens).is_large
    assert not UNKNOWN.observe(PROSE, tokens, tokens + 1).is_large, "it may have been more"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("yes " * 200, id="short words"),
        pytest.param("something interesting " + "1234 " * 80, id="mostly figures"),
        pytest.param("something interesting " + "你好" * 80, id="mostly another script"),
    ],
)
def test_what_is_no_prose_shows_nothing(text: str) -> None:
    assert UNKNOWN.observe(text, 60, 100) == UNKNOWN


def test_a_count_that_cannot_be_shows_nothing() -> None:
    assert UNKNOWN.observe(PROSE, 1, 2) == UNKNOWN


def test_one_contradiction_makes_a_vocabulary_small_for_good() -> None:
    tokens = estimate_tokens(PROSE, LARGE)
    contradicted = LARGE.observe(PROSE, tokens + 1, tokens + 2)

    assert contradicted == SMALL
    assert contradicted.observe(PROSE, tokens - 1, tokens) == SMALL


def test_a_template_is_bounded_by_what_a_prompt_of_several_turns_took() -> None:
    assert UNKNOWN.observe_template(40, 3) == UNKNOWN, "too few"
    assert UNKNOWN.observe_template(-1, 9) == UNKNOWN, "it cannot be"
    known = UNKNOWN.observe_template(41, 4)
    assert known.pair_tokens == 11 + 4
    assert known.observe_template(400, 4) == known
    assert known.observe_template(20, 4).pair_tokens == 9


def test_what_two_have_shown_of_a_model_holds_for_both_but_for_what_one_contradicts() -> None:
    assert Vocabulary(64, 0).together_with(Vocabulary(0, 12)) == Vocabulary(64, 12)
    assert Vocabulary(200, 9).together_with(Vocabulary(-1, 12)) == Vocabulary(-1, 9)


@pytest.mark.parametrize(
    ("roles", "pair_tokens", "tokens"),
    [
        (["user", "assistant"], 0, 48),
        (["user", "assistant"], 14, 14),
        (["user", "assistant"], 30, 30),
        (["user", "assistant", "assistant", "tool", "assistant"], 14, 42),
        (["assistant"], 14, 14),
        (["user", "user"], 60, 48),
    ],
)
def test_a_template_takes_what_is_known_of_a_pair(
    roles: list[Role], pair_tokens: int, tokens: int
) -> None:
    messages = [Message(role, "x") for role in roles]

    assert template_tokens(messages, Vocabulary(0, pair_tokens)) == tokens


def test_what_is_known_of_pairs_says_nothing_of_tool_calls() -> None:
    call = Message("assistant", "", calls=(ToolCall("c1", "now", "{}"),))
    output, user, reply = (
        Message("tool", "x", call_id="c1"), Message("user", "x"), Message("assistant", "x"),
    )  # fmt: skip

    assert template_tokens([user, call, output, reply], Vocabulary(0, 14)) == 14 + 24 + 24 + 14

    kept = [Turn(n, (user, call), 99, 9, 4, 0.0) for n in range(1, 5)]
    talk = Conversation(1, "{o}", "", 0, 999, 4, tuple(kept))
    fit = Room(talk, "hi", context_length=2000, max_reply_tokens=99).fit()
    counted = measure(fit, talk, "hi", Completion("ok", 60, 1))
    assert counted.vocabulary.pair_tokens == 0


def test_a_window_that_the_assistant_begins_has_room_for_what_stands_before_it() -> None:
    turns = [bounded_turn(n, [Message("assistant", "word " * 20)], 0.0) for n in (1, 2)]
    talk = Conversation(1, "{o}", "", 0, sum(turn.tokens for turn in turns), 2, tuple(turns))
    opening = message_tokens(NO_USER_MESSAGE)

    fit = fit_turns(talk, turns, 2 * turns[0].tokens + opening)

    assert (fit.evicted, fit.window_tokens) == ((), 2 * turns[0].tokens + opening)
    assert fit_turns(talk, turns, 2 * turns[0].tokens + opening - 1).evicted == (turns[0],)
