"""Breaks up text that a model could take for a marker of its template, or for a speaker's line.

Text is data: a marker inside a message reaches the model as letters, and never as a role, an end of
text or a new speaker. The model may change while a text is kept, so the markers are those of every
well-known template, in upper and lower case, also when they are written in characters that a
tokenizer may take for the same ones.

All of this takes time linear in the text: a pattern reads white space only up to the end of its
line, or once behind a speaker's name, and no more than a few characters of anything else.

Source: the chat templates and special tokens published with each model family.
"""

import re
import unicodedata
from collections.abc import Iterable

BREAK = "\N{WORD JOINER}"
"""The character put behind the signs that a marker begins with.

A person does not see it, and a tokenizer does not see a marker any more.
"""

NUMBER = "_?[0-9]{1,6}"
TAGS = (
    # Beginnings, ends and gaps of many families; T5, BART, Cohere, Reka, ERNIE
    "s", "unk", "bos", "eos", "pad", "sep", "cls", "mask", "eod", "eot", "eom", "sop", "eop",
    "bos_token", "eos_token", "eop_token", "mask_token", "mask:[0-9]{1,5}", "0x[0-9a-f]{2}",
    # Reasoning and tools: Qwen, DeepSeek, GLM, Hermes, Seed, MiniMax
    "think", "tool_calls?", "tool_responses?", "tools", "arg_key", "arg_value",
    "seed:[a-z_]{1,40}", "minimax:[a-z_]{1,40}",
    # Turns: Gemma, SmolVLM, InternLM, MiniCPM, Ling, TeleChat
    "start_of_[a-z_]{1,40}", "end_of_[a-z_]{1,40}", "begin_of_[a-z_]{1,40}", "eoh", "eoa",
    "用户", "ai", "role", "_[a-z]{1,20}",
    # Kept for later: Gemma, T5, Baichuan, Mistral, InternLM
    f"unused{NUMBER}", f"extra_id{NUMBER}", f"reserved{NUMBER}", f"special{NUMBER}",
    f"tokens_unused{NUMBER}",
    # Code: StarCoder, Granite
    "fim_[a-z]{1,20}", "file_?sep", "repo_?name", "gh_stars", "issue_[a-z]{1,20}",
    "jupyter_[a-z_]{1,20}", "commit_[a-z]{1,20}", "empty_output",
    # Pictures: Gemma, LLaVA, Step
    "image", "image_soft_token", "im_start", "im_end", "im_patch",
)  # fmt: skip
"""What stands between `<` and `>`, or behind `</`."""
SQUARE = (
    # Mistral
    "inst", "system_prompt", "available_tools", "tool_calls", "tool_results", "tool_content",
    "call_id", "model_settings", "img_break", "img_end", "begin_audio", f"control{NUMBER}",
    # GLM, InternLM, Pangu, Kimi
    "gmask", "smask", f"unused{NUMBER}", f"unused_token{NUMBER}",
    "start_header_id", "end_header_id",
)  # fmt: skip
"""What stands between `[` and `]`, or behind `[/`."""
CAPITALS = (
    # BERT, Kimi, Yandex, Mistral
    "CLS", "SEP", "MASK", "PAD", "UNK", "BOS", "EOS", "EOT", "IMG", "ARGS", "THINK", "PREFIX",
    "MIDDLE", "SUFFIX", "AUDIO", "TRANSCRIBE",
)  # fmt: skip
"""What stands between `[` and `]` or behind `[/` in capitals only: `x[mask]` is code."""


def _any_of(names: Iterable[str]) -> str:
    """Return a pattern for any of `names`, in upper or lower case.

    Shapes: each name is a pattern that begins with one fixed character.

    The names are grouped by their first character, so that `re` knows at once which may follow:
    this takes a third of the time.
    """
    rests: dict[str, list[str]] = {}
    for name in names:
        rests.setdefault(name[0], []).append(name[1:])
    return "|".join(f"[{c}{c.upper()}](?i:{'|'.join(ends)})" for c, ends in rests.items())


MARKERS = re.compile(
    rf"<(?:/?(?:{_any_of(TAGS)})>|</?(?i:SYS)>>"
    # ChatML, Llama 3, Phi, Cohere, Granite, gpt-oss, DeepSeek and others; Gemma 4 has only one pipe
    rf"|/?\|[^\s<>|{BREAK}]{{1,60}}(?:\|>?|>)|[a-zA-Z_]{{1,40}}\|>)"
    # EXAONE and BlueLM have pipes within brackets; MiniMax has `]~b]`, `]~!b[` and `[e~[`
    rf"|\[(?:/?(?:{_any_of(SQUARE)}|{'|'.join(CAPITALS)}|\|[a-zA-Z_]{{1,40}}\|)\]|e~\[)"
    r"|\]~!?b[\[\]]"
)
OPENING = re.compile(r"<<?/?\|?/?|\[[/|]?|\]~")
"""The signs that a marker begins with."""

LINE_ENDS = r"\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029"
"""The characters that a model may take for the end of a line.

They are all control characters but the tab, and Unicode's line and paragraph separators.
"""
UNSEEN = (
    r" \t\xa0\xad\u034f\u061c\u115f\u1160\u1680\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f"
    r"\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
"""White space within a line, and characters without a width."""
COLONS = r":\ufe13\ufe55\uff1a"
SPEAKERS = ("system", "user", "assistant")
SPEAKER_LINE = re.compile(
    rf"[{LINE_ENDS}][{UNSEEN}]*(?:{'|'.join(SPEAKERS)})(?=\s*[{COLONS}])", re.IGNORECASE
)
"""The beginning of a line that looks like a speaker's in a transcript, with the line end before."""


def _ascii_look_alikes() -> Iterable[tuple[str, str]]:
    """Yield each character that tokenizers may take for one of a marker, with that ASCII character.

    Source: Unicode's compatibility decomposition (NFKC); `▁` is SentencePiece's space.
    """
    for char in map(chr, range(0x80, 0x10000)):
        same = unicodedata.normalize("NFKC", char)
        if len(same) == 1 and same.isascii() and (same.isalnum() or same in "<>[]|/_"):
            yield char, same
    yield "\N{LOWER ONE EIGHTH BLOCK}", "_"


ASCII_OF = dict(_ascii_look_alikes())
LOOK_ALIKES = re.compile(f"[{''.join(ASCII_OF)}]")
WIDE_BEGINNINGS = tuple(char for char, same in ASCII_OF.items() if same in "<[")


def may_have_markers(text: str) -> bool:
    """Whether a text has a sign that a marker begins with, as few texts have."""
    is_plain = "<" not in text and "[" not in text and "~" not in text
    return not is_plain or (not text.isascii() and any(sign in text for sign in WIDE_BEGINNINGS))


def neutralise(text: str) -> str:
    """Break up the markers of any template in `text`; a person reads the same as before."""
    if not may_have_markers(text):
        return text
    folded = _folded(text)
    return _broken_at(text, [_behind_opening(m, folded) for m in MARKERS.finditer(folded)])


def _behind_opening(marker: re.Match[str], folded: str) -> int:
    opening = OPENING.match(folded, marker.start())
    return opening.end() if opening else marker.start() + 1


def break_up_speakers(text: str) -> str:
    """Break up lines in `text` that look like a speaker's in a transcript."""
    if text.isascii() and not any(map(text.lower().__contains__, SPEAKERS)):
        return text
    begun = "\n" + _folded(text)  # the beginning of a text is the beginning of a line, too
    return _broken_at(text, [speaker.end() - 1 for speaker in SPEAKER_LINE.finditer(begun)])


def break_up(text: str) -> str:
    """Break up all that any template breaks up: this is the longest that `text` is in a prompt."""
    return break_up_speakers(neutralise(text))


def _folded(text: str) -> str:
    """Return `text` with its look-alikes replaced by ASCII; every character keeps its place."""
    return text if text.isascii() else LOOK_ALIKES.sub(lambda one: ASCII_OF[one.group()], text)


def _broken_at(text: str, places: list[int]) -> str:
    """Return `text` with a break at each of `places`, which are in ascending order."""
    if not places:
        return text
    bounds = zip([0, *places], [*places, len(text)], strict=True)
    return BREAK.join([text[begin:end] for begin, end in bounds])
