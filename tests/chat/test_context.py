"""The token budget: what is kept, what is evicted, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.context import TEMPLATE_TOKENS, fit_context, make_messages, measure, message_tokens
from chat.errors import PromptTooLong
from chat.messages import Completion, Message, Turn
from chat.tokens import estimate_tokens, least_tokens

NEW = message_tokens("hi")


def turn(number: int, tokens: int) -> Turn:
    """Make a turn whose prompt is measured as its estimate, so that it counts as `tokens`."""
    prompt = message_tokens("p")
    return Turn(number, "p", "r", prompt, tokens - prompt, 0.0)


def fit(turns: list[Turn], room: int) -> tuple[list[int], list[int]]:
    """Fit with `room` tokens left for turns; give the numbers of the evicted and of the kept."""
    result = fit_context(
        turns, "hi", context_tokens=10, context_length=10 + NEW + 5 + room, max_reply_tokens=5
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
    fit_context([], "hi", context_tokens=10, context_length=10 + NEW + 5, max_reply_tokens=5)

    with pytest.raises(
        PromptTooLong, match=f"about {15 + NEW} tokens, and the context length is {14 + NEW}"
    ):
        fit_context([], "hi", context_tokens=10, context_length=14 + NEW, max_reply_tokens=5)


@given(st.lists(st.integers(TEMPLATE_TOKENS + 10, 200), max_size=30), st.integers(0, 3000))
def test_turns_are_split_in_order_and_the_kept_ones_fit(sizes: list[int], room: int) -> None:
    turns = [turn(n, size) for n, size in enumerate(sizes, 1)]

    evicted, kept = fit(turns, room)

    assert evicted + kept == [turn.number for turn in turns]
    assert sum(sizes[n - 1] for n in kept) <= room
    if evicted:
        assert sum(sizes[evicted[-1] - 1 :]) > room, "and one more would not"


def test_the_oldest_turn_behind_an_evicted_one_counts_with_its_estimate() -> None:
    measured = Turn(2, "some words", "r", 1, 50, 0.0)
    needed = message_tokens("some words") + 50

    assert fit([turn(1, 100), measured], needed - 1) == ([1, 2], [])
    assert fit([turn(1, 100), measured], needed) == ([1], [2])
    assert fit([measured], 51) == ([], [2]), "but not the first turn of all"
    cheap = Turn(3, "p", "r", message_tokens("p"), 0, 0.0)
    assert fit([turn(1, 999), measured, cheap], 60 + message_tokens("p")) == ([1, 2], [3])


def test_the_model_is_shown_the_context_the_turns_and_the_prompt() -> None:
    turns = [Turn(1, "a", "b", 0, 0, 0.0)]

    assert make_messages("sys", turns, "c") == [
        Message("system", "sys"),
        Message("user", "a"),
        Message("assistant", "b"),
        Message("user", "c"),
    ]
    assert make_messages("", [], "c") == [Message("user", "c")]


def measured(
    kept: list[Turn], context_tokens: int, prompt_tokens: int, generated: int
) -> tuple[int, int, int]:
    fitted = fit_context(
        kept, "hello", context_tokens=context_tokens, context_length=9999, max_reply_tokens=1
    )
    result = measure(fitted, context_tokens, "hello", Completion("reply", prompt_tokens, generated))
    return result.context_tokens, result.prompt_tokens, result.reply_tokens


def test_a_prompts_share_is_what_the_model_counted_beyond_what_is_known() -> None:
    assert measured([turn(1, 100)], 20, 150, 7) == (20, 30, 7)


def test_the_first_turn_bounds_the_context() -> None:
    assert measured([], 500, 60, 7) == (60 - least_tokens("hello"), least_tokens("hello"), 7)
    assert measured([], 20, 60, 7) == (20, 40, 7)


def test_a_model_that_counts_nothing_leaves_the_estimates() -> None:
    assert measured([], 20, 0, 0) == (20, message_tokens("hello"), message_tokens("reply"))


def test_a_count_that_cannot_be_is_not_believed() -> None:
    long = Turn(1, "a long prompt " * 50, "r", 300, 20, 0.0)

    assert measured([long], 20, 10, 7) == (20, message_tokens("hello"), 7)


def test_a_count_below_what_is_known_is_no_negative_share() -> None:
    assert measured([turn(1, 100)], 20, 5, 7) == (20, 0, 7)


ENGLISH = (
    "The quick brown fox jumps over the lazy dog, and it was a sunny afternoon in the village. "
)


def test_the_defaults_take_4500_characters_of_english_and_refuse_5000() -> None:
    """README says so."""
    context_tokens = message_tokens("You are a helpful chef.")
    defaults = {"context_length": 3500, "max_reply_tokens": 256}

    fit_context([], (ENGLISH * 60)[:4500], context_tokens=context_tokens, **defaults)
    with pytest.raises(PromptTooLong):
        fit_context([], (ENGLISH * 60)[:5000], context_tokens=context_tokens, **defaults)


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
