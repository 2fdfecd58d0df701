"""Decides which names a component, a variable or a store may have.

Source: spin `crates/serde/src/id.rs`, `crates/manifest/src/schema/v2.rs` (kebab_or_snake_case).
"""

import string

from host.wording import quoted

WORD_CHARACTERS = string.ascii_letters + string.digits


class InvalidId(ValueError):
    """A name that Spin refuses, with Spin's reason."""


def parse_kebab_id(text: str) -> str:
    """Return `text` if it is words joined by `-`, as the id of a component is.

    Errors: InvalidId.
    """
    return _parse(text, "-", "_")


def parse_snake_id(text: str) -> str:
    """Return `text` if it is words joined by `_`.

    Errors: InvalidId.
    """
    return _parse(text, "_", "-")


def parse_variable_name(text: str) -> str:
    """Return `text` if it is words in lower case, joined by `_`.

    Errors: InvalidId.
    """
    if any(word[0].isupper() for word in parse_snake_id(text).split("_")):
        raise InvalidId(f"Lower-case identifiers must be all lowercase; got {quoted(text)}")
    return text


def is_label(text: str) -> bool:
    """Whether `text` may name a key-value store or a database."""
    for parse in (parse_kebab_id, parse_snake_id):
        try:
            parse(text)
        except InvalidId:
            continue
        return True
    return False


def _parse(text: str, separator: str, wrong: str) -> str:
    if not text:
        raise InvalidId("empty")
    if wrong in text:
        raise InvalidId(f"words must be separated with '{separator}', not '{wrong}'")
    for word in text.split(separator):
        problem = _problem(word)
        if problem:
            raise InvalidId(f"'{separator}'-separated words {problem}")
    return text


def _problem(word: str) -> str:
    if not word:
        return "must not be empty"
    if word[0] not in string.ascii_letters:
        return f"must start with an ASCII letter; got '{word[0]}'"
    for character in word[1:]:
        if character not in WORD_CHARACTERS:
            return f"may only contain alphanumeric ASCII; got '{character}'"
        if character not in string.digits and character.isupper() != word[0].isupper():
            return f"must be all lowercase or all UPPERCASE; got {quoted(word)}"
    return ""
