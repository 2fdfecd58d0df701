"""Tells a reply from the prompt before it, for engines that return both in one text.

Spin's local engine decodes prompt and reply together and leaves out special tokens, so the prompt
comes back changed: `</s><s>` is gone, white space differs, and `▁` is a space. Everything but
markers and white space survives, and the prompt is recognised by these survivors.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chat.context.templates import FORMATS, TEMPLATE_MARKERS

SPACES = re.compile(r"[\s▁]+")
"""White space, and SentencePiece's sign for a space, which comes back as a space."""
IGNORED = re.compile(rf"(?:{TEMPLATE_MARKERS.pattern}|{SPACES.pattern})+", TEMPLATE_MARKERS.flags)
"""The parts of a prompt that need not survive: markers and white space."""
TAIL_PIECE = re.compile(rf"{TEMPLATE_MARKERS.pattern}|{SPACES.pattern}", TEMPLATE_MARKERS.flags)
ALIKE_CHARS = 16
"""How many of the prompt's characters a text must begin with to be a changed echo perhaps."""


@dataclass(frozen=True)
class Echo:
    """What a text that may begin with its prompt looks like.

    `reply_at` is where the reply begins if the text is an echo, None if the place is not known.
    `is_certain`: whether no reply alone can look like this; if it is false, the text is an echo
    only if the engine is known to return prompts.
    """

    reply_at: int | None
    is_certain: bool


def find_echo(text: str, prompt: str, prompt_format: str) -> Echo | None:
    """Compare a model's text with its prompt; return None for a text that is no echo.

    Errors: none. The time is linear in the length of both.
    """
    if text.startswith(prompt):
        return Echo(len(prompt), is_certain=True)
    alike, wanted, end = _compare(text, prompt)
    is_certain = _begins_alike(text, prompt, FORMATS[prompt_format].ends)
    if not is_certain and alike < min(ALIKE_CHARS, wanted):
        return None
    return Echo(None if end is None else _behind_tail(text, end, prompt), is_certain)


def has_word(text: str, word: str) -> bool:
    """Whether `word` stands in a text, whatever white space the engine has put within it."""
    return word in "".join(chunk for _, chunk in _survivors(text))


def _begins_alike(text: str, prompt: str, ends: Sequence[str]) -> bool:
    """Whether a text begins with the prompt's first marker, at which any reply would be cut."""
    first = TEMPLATE_MARKERS.match(prompt)
    return first is not None and first[0] in ends and text.lstrip().startswith(first[0])


def _compare(text: str, prompt: str) -> tuple[int, int, int | None]:
    """Compare the survivors of `text` with those of `prompt`.

    Shapes: returns how many characters are alike, how many the prompt has, and where the prompt's
            survivors end in `text`; the end is None if `text` does not begin with all of them.
    """
    wanted = "".join(chunk for _, chunk in _survivors(prompt))
    alike = 0
    for start, chunk in _survivors(text):
        expected = wanted[alike : alike + len(chunk)]
        if not chunk.startswith(expected):
            return alike + _common(chunk, expected), len(wanted), None
        alike += len(expected)
        if alike == len(wanted):
            return alike, alike, start + len(expected)
    return alike, len(wanted), None


def _survivors(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of `text` that survive, each with the place where it begins."""
    begin = 0
    for ignored in IGNORED.finditer(text):
        if ignored.start() > begin:
            yield begin, text[begin : ignored.start()]
        begin = ignored.end()
    if begin < len(text):
        yield begin, text[begin:]


def _common(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _behind_tail(text: str, begin: int, prompt: str) -> int:
    """Return where the prompt's last markers and spaces end in `text`, which may lack some of them.

    Shapes: `begin` is where the prompt's last survivor ends in `text`.
    """
    last = max((start + len(chunk) for start, chunk in _survivors(prompt)), default=0)
    for piece in TAIL_PIECE.findall(prompt, last):
        if not SPACES.fullmatch(piece):
            begin += len(piece) if text.startswith(piece, begin) else 0
            continue
        spaces = SPACES.match(text, begin, begin + len(piece))
        begin = spaces.end() if spaces else begin
    return begin
