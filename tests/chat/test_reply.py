"""The reply in a text that comes in parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.context.reply import ReplyText, make_ends
from chat.context.templates import FORMATS, UNMISTAKABLE_ENDS, cut_reply
from tests.chat.cutting import cut_at

ENDS = tuple(dict.fromkeys([*UNMISTAKABLE_ENDS.markers, *FORMATS["plain"].ends, "</s>", "[INST]"]))
PIECES = st.sampled_from([*ENDS, *(end[: len(end) // 2] for end in ENDS), " ", "\n", "a", "é"])


def whole(text: str, *ends: str) -> str:
    """Return the reply in a whole text, by its definition."""
    places = [text.find(end) for end in ends if end in text]
    return text[: min(places, default=len(text))].strip()


@given(st.lists(PIECES, max_size=20).map("".join), st.lists(st.integers(0, 99), max_size=12))
def test_what_is_shown_is_the_reply_however_the_text_is_cut(text: str, places: list[int]) -> None:
    reply = ReplyText(make_ends(ENDS))
    shown = [reply.take(part) for part in cut_at(text, places)] + [reply.finish()]

    assert "".join(shown) == whole(text, *ENDS)
    assert reply.is_cut == any(end in text for end in ENDS)


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (["  Hel", "lo "], ["Hel", "lo", ""]),
        (["Hi", "  ", " you", "  "], ["Hi", "", "   you", "", ""]),
        (["Hi <|im", "_end|> more", "and more"], ["Hi", "", "", ""]),
        (["Hi <|im", "proved"], ["Hi", " <|improved", ""]),
        (["Hi <|im"], ["Hi", " <|im"]),
        (["Hi\n\nUs", "er: no"], ["Hi", "", ""]),
        (["\n\nUser: x"], ["", ""]),
        (["Hi.</s>"], ["Hi.", ""]),
        ([], [""]),
    ],
)
def test_only_what_is_certain_is_shown(parts: list[str], shown: list[str]) -> None:
    reply = ReplyText(make_ends(ENDS))

    assert [*(reply.take(part) for part in parts), reply.finish()] == shown


@pytest.mark.parametrize("prompt_format", FORMATS)
def test_a_whole_text_is_cut_alike(prompt_format: str) -> None:
    for end in FORMATS[prompt_format].ends:
        assert cut_reply(f" Hi {end} more {end}", prompt_format) == "Hi"
