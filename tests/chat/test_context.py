"""The token budget: what is kept, what is evicted, what is refused."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.context import (
    NO_USER_MESSAGE,
    TEMPLATE_TOKENS,
    fit_context,
    make_messages,
    measure,
    message_tokens,
)
from chat.errors import PromptTooLong
from chat.messages import Completion, Conversation, Message, Turn
from chat.tokens import LARGE, SMALL, UNKNOWN, estimate_tokens, least_tokens

NEW = message_tokens("hi")


def chat_turn(
    number: int, prompt: str, reply: str, prompt_tokens: int, reply_tokens: int, **more: bool
) -> Turn:
    messages = (Message("user", prompt), Message("assistant", reply))
    return Turn(number, messages, prompt_tokens, reply_tokens, 0.0, **{"is_measured": True, **more})


def turn(number: int, tokens: int) -> Turn:
    """Make a turn whose prompt is measured as its estimate, so that it counts as `tokens`."""
    prompt = message_tokens("p")
    return chat_turn(number, "p", "r", prompt, tokens - prompt)


def conversation(turns: list[Turn], context_tokens: int = 10) -> Conversation:
    return Conversation(1, "{o}", "", context_tokens, len(turns), tuple(turns))


def fit(turns: list[Turn], room: int) -> tuple[list[int], list[int]]:
    """Fit with `room` tokens left for turns; give the numbers of the evicted and of the kept."""
    result = fit_context(
        conversation(turns), "hi", context_length=10 + NEW + 5 + room, max_reply_tokens=5
    )
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
    fit_context(conversation([]), "hi", context_length=10 + NEW + 5, max_reply_tokens=5)

    with pytest.raises(
        PromptTooLong, match=f"about {15 + NEW} tokens, and the context length is {14 + NEW}"
    ):
        fit_context(conversation([]), "hi", context_length=14 + NEW, max_reply_tokens=5)


@given(st.lists(st.integers(TEMPLATE_TOKENS + 10, 200), max_size=30), st.integers(0, 3000))
def test_turns_are_split_in_order_and_the_kept_ones_fit(sizes: list[int], room: int) -> None:
    turns = [turn(n, size) for n, size in enumerate(sizes, 1)]

    evicted, kept = fit(turns, room)

    assert evicted + kept == [turn.number for turn in turns]
    assert sum(sizes[n - 1] for n in kept) <= room
    if evicted:
        assert sum(sizes[evicted[-1] - 1 :]) > room, "and one more would not"


def test_the_oldest_turn_behind_an_evicted_one_counts_with_what_was_over_counted() -> None:
    """The reply before it may have been cut, and its prompt have been measured less for it."""
    cut = chat_turn(1, "p", "r", 50, 50)
    measured = chat_turn(2, "some words", "r", 1, 50)
    needed = message_tokens("some words") + 50

    assert fit([cut, measured], needed - 1) == ([1, 2], [])
    assert fit([cut, measured], needed) == ([1], [2])
    assert fit([measured], 51) == ([], [2]), "but not the first turn of all"
    exact = chat_turn(1, "p", "r", 97, 3)
    assert fit([exact, measured], 51 + 3) == ([1], [2]), "and no more than that"
    estimated = measured._replace(is_measured=False)
    assert fit([cut, estimated], 51) == ([1], [2]), "nor where it is an estimate itself"


def test_the_model_is_shown_the_context_the_turns_and_the_prompt() -> None:
    turns = [chat_turn(1, "a", "b", 0, 0)]

    assert make_messages("sys", turns, "c") == [
        Message("system", "sys"),
        Message("user", "a"),
        Message("assistant", "b"),
        Message("user", "c"),
    ]
    assert make_messages("", [], "c") == [Message("user", "c")]


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
        0.0,
        is_measured=False,
    )

    assert make_messages("", [added], "b") == [
        Message("user", NO_USER_MESSAGE),
        Message("assistant", "Welcome."),
        Message("user", "a\n\n(tool)\n42\n\n(system)\nbe kind\n\nb"),
    ]


def measured(
    kept: list[Turn], context_tokens: int, prompt_tokens: int, generated: int, reply: str = "reply"
) -> tuple[int, int, int, bool]:
    loaded = conversation(kept, context_tokens)
    fitted = fit_context(loaded, "hello", context_length=9999, max_reply_tokens=1)
    result = measure(fitted, loaded, "hello", Completion(reply, prompt_tokens, generated))
    return result.context_tokens, result.prompt_tokens, result.reply_tokens, result.is_measured


HELLO = message_tokens("hello")


def test_a_prompts_share_is_what_the_model_counted_beyond_what_is_known() -> None:
    assert measured([turn(1, 100)], 20, 150, 7) == (20, 30, 7, True)


def test_the_system_context_is_at_most_what_is_neither_turn_nor_prompt() -> None:
    assert measured([], 500, 60, 7) == (60 - least_tokens("hello"), least_tokens("hello"), 7, True)
    assert measured([], 20, 60, 7) == (20, 40, 7, True)
    assert measured([turn(1, 100)], 50, 130, 7) == (30, 0, 7, True)


def test_a_model_that_counts_nothing_leaves_the_estimates() -> None:
    assert measured([], 20, 0, 0) == (20, HELLO, message_tokens("reply"), False)


def test_a_reply_that_was_cut_counts_as_no_more_than_its_estimate() -> None:
    assert measured([], 20, 60, 900)[2] == message_tokens("reply")


def test_a_count_that_cannot_be_is_not_believed() -> None:
    long = chat_turn(1, "a long prompt " * 50, "r", 300, 20)

    assert measured([long], 20, 10, 7) == (20, HELLO, 7, False)


def test_a_count_below_what_is_known_leaves_the_estimate() -> None:
    assert measured([turn(1, 100)], 20, 5, 7) == (20, HELLO, 7, False)


def test_beside_turns_that_are_estimated_a_prompt_is_too() -> None:
    added = turn(1, 100)._replace(is_measured=False)

    assert measured([added], 20, 150, 7) == (20, HELLO, 7, False)


ENGLISH = (
    "The quick brown fox jumps over the lazy dog, and it was a sunny afternoon in the village. "
)


DEFAULTS = {"context_length": 3500, "max_reply_tokens": 256}


def test_the_defaults_take_4500_characters_of_english_and_refuse_5000() -> None:
    """README says so."""
    new = conversation([], message_tokens("You are a helpful chef."))

    fit_context(new, (ENGLISH * 60)[:4500], **DEFAULTS)
    with pytest.raises(PromptTooLong):
        fit_context(new, (ENGLISH * 60)[:5000], **DEFAULTS)


def test_a_large_vocabulary_takes_8000() -> None:
    """README says so."""
    new = conversation([], message_tokens("You are a helpful chef."))

    fit_context(dataclasses.replace(new, vocabulary=LARGE), (ENGLISH * 150)[:8000], **DEFAULTS)


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
