"""Decides how a model's messages are written: by which template, and how their text stays text.

A chat template writes roles as control tokens. Text in a message that spells a control token could
end the message and begin another speaker's, so it is broken up before it is rendered.
"""

import pathlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from host.engines.gguf import read_metadata

TEMPLATE, TOKENS, KINDS = (
    "tokenizer.chat_template", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type",
)  # fmt: skip
UNKNOWN, CONTROL, USER_DEFINED = 2, 3, 4
"""The kinds of tokens that llama.cpp finds in a prompt by their name. Source: llama.h."""
MARKER_LIKE = re.compile(r"<\|[^<>]*\|>|<(?:start|end)_of_turn>|\[/?[A-Z_]+\]")
"""Tells which user-defined tokens are markers; others are HTML tags, emoji or runs of spaces."""
PLAIN_MARKERS = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>")
"""Markers that Llama 2 and the first Mistral models write in letters: no vocabulary has them."""
BREAK = "\N{WORD JOINER}"
"""The character put behind a marker's first one.

A person does not see it, and a tokenizer does not see a marker any more.
"""


@dataclass(frozen=True)
class ChatText:
    """How a model's messages are written."""

    has_template: bool
    markers: re.Pattern[str] | None

    def break_up(self, text: str) -> str:
        """Break up the markers in a message's text; a person reads the same as before."""
        if self.markers is None:
            return text
        return self.markers.sub(lambda first: first.group() + BREAK, text)


def load_chat_text(path: pathlib.Path) -> ChatText:
    """Read from a GGUF file how its model's messages are written."""
    metadata = read_metadata(path, {TEMPLATE, TOKENS, KINDS})
    template = metadata.get(TEMPLATE, "")
    tokens = zip(metadata.get(TOKENS, ()), metadata.get(KINDS, ()), strict=False)
    markers = {token for token, kind in tokens if is_marker(token, kind)}
    markers |= {marker for marker in PLAIN_MARKERS if marker in template}
    return ChatText(bool(template), compile_markers(markers))


def is_marker(token: str, kind: int) -> bool:
    """Whether llama.cpp would take this token's name within a text for the token itself."""
    if kind == USER_DEFINED:
        return MARKER_LIKE.fullmatch(token) is not None
    return kind in {UNKNOWN, CONTROL}


def compile_markers(markers: Collection[str]) -> re.Pattern[str] | None:
    """Return a pattern that matches the first character of each marker in a text.

    Markers may overlap in a text. A marker of a single character cannot be broken up.
    """
    by_first: dict[str, list[str]] = {}
    for marker in sorted(markers):
        if len(marker) > 1:
            by_first.setdefault(marker[0], []).append(re.escape(marker[1:]))
    if not by_first:
        return None
    branches = [f"{re.escape(first)}(?={'|'.join(rest)})" for first, rest in by_first.items()]
    return re.compile("|".join(branches))
