"""What messages become: by which template, and how their text stays text.

A chat template writes roles as control tokens. Text in a message that spells one would end the
message and start another speaker's, so it is broken up before it is rendered.
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
"""Which user-defined tokens are markers; others are HTML tags, emoji and runs of spaces."""
PLAIN_MARKERS = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>")
"""Llama 2 and the first Mistral models write roles as letters; they are in no vocabulary."""
BREAK = "\N{WORD JOINER}"
"""Put behind a marker's first character: invisible, and no tokenizer sees a marker any more."""


@dataclass(frozen=True)
class ChatText:
    """How a model's messages are written."""

    has_template: bool
    markers: re.Pattern[str] | None

    def break_up(self, text: str) -> str:
        """Break up the markers in a message's text; what a person reads stays the same."""
        if self.markers is None:
            return text
        return self.markers.sub(lambda first: first.group() + BREAK, text)


def load_chat_text(path: pathlib.Path) -> ChatText:
    """Read what a GGUF file says of its messages."""
    metadata = read_metadata(path, {TEMPLATE, TOKENS, KINDS})
    template = metadata.get(TEMPLATE, "")
    tokens = zip(metadata.get(TOKENS, ()), metadata.get(KINDS, ()), strict=False)
    markers = {token for token, kind in tokens if is_marker(token, kind)}
    markers |= {marker for marker in PLAIN_MARKERS if marker in template}
    return ChatText(bool(template), compile_markers(markers))


def is_marker(token: str, kind: int) -> bool:
    """Whether llama.cpp would take this token's name in a text for the token."""
    if kind == USER_DEFINED:
        return MARKER_LIKE.fullmatch(token) is not None
    return kind in {UNKNOWN, CONTROL}


def compile_markers(markers: Collection[str]) -> re.Pattern[str] | None:
    """Make a pattern of the first character of each marker, wherever one begins.

    Markers may overlap in a text. One of a single character cannot be broken up.
    """
    by_first: dict[str, list[str]] = {}
    for marker in sorted(markers):
        if len(marker) > 1:
            by_first.setdefault(marker[0], []).append(re.escape(marker[1:]))
    if not by_first:
        return None
    branches = [f"{re.escape(first)}(?={'|'.join(rest)})" for first, rest in by_first.items()]
    return re.compile("|".join(branches))
