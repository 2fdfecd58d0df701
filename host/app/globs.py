"""Compiles the patterns of `files` and `exclude_files`.

Source: the crate `glob` 0.3, which matches the whole path of an excluded file, so that `*` also
matches slashes.
"""

import re

PIECE = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|\[|[^*?\[]+", re.DOTALL)
MAGIC = frozenset("*?[")


class InvalidGlob(ValueError):
    """A pattern that cannot be used, with the reason."""


def is_glob(text: str) -> bool:
    """Whether a text has a wildcard."""
    return bool(MAGIC & set(text))


def compile_glob(pattern: str) -> re.Pattern[str]:
    """Compile a glob to a pattern that matches whole paths.

    Errors: InvalidGlob.
    """
    regex, position = "", 0
    while position < len(pattern):
        piece = PIECE.match(pattern, position)
        assert piece is not None, "a piece is any character"
        position = piece.end()
        if piece[0].startswith("**"):
            regex += _compile_recursive(pattern, piece)
            position += pattern[position : position + 1] == "/"
        else:
            regex += _compile_piece(piece[0])
    return re.compile(regex, re.DOTALL)


def _compile_recursive(pattern: str, piece: re.Match[str]) -> str:
    """Compile `**`, which matches any number of folders, or none."""
    if piece[0] != "**":
        raise InvalidGlob("wildcards are either regular `*` or recursive `**`")
    if pattern[: piece.start()][-1:] not in ("", "/") or pattern[piece.end() :][:1] not in (
        "",
        "/",
    ):
        raise InvalidGlob("recursive wildcards must form a single path component")
    return "(?:.*/)?" if pattern[piece.end() :] else ".*"


def _compile_piece(piece: str) -> str:
    if piece == "[":
        raise InvalidGlob("invalid range pattern")
    if piece in ("*", "?"):
        return ".*" if piece == "*" else "."
    if not piece.startswith("["):
        return re.escape(piece)
    is_not = piece.startswith("[!")
    inside = re.sub(r"([\\\[\]^&|~])", r"\\\1", piece[2:-1] if is_not else piece[1:-1])
    try:
        return re.compile(f"[{'^' if is_not else ''}{inside}]").pattern
    except re.error as error:
        raise InvalidGlob("invalid range pattern") from error
