"""Parses and resolves the `{{ variable }}` templates of a manifest.

Source: spin `crates/expressions`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

KEY = re.compile(r"[a-z](?:[a-z0-9]|_(?!_))*(?<!_)")


class ExpressionError(ValueError):
    """A template or variable name that cannot be used."""


def parse_key(name: str) -> str:
    """Return `name` if it may name a variable.

    Errors: ExpressionError with Spin's form, `"name": reason`.
    """
    if KEY.fullmatch(name):
        return name
    raise ExpressionError(f'"{name}": {_fault(name)}')


def _fault(name: str) -> str:
    if not name:
        return "must not be empty"
    if not ("a" <= name[0] <= "z"):
        return "must start with a lowercase letter"
    if name.endswith("_"):
        return "must not end with an underscore"
    if "__" in name:
        return "must not contain multiple consecutive underscores"
    return "must contain only lowercase letters, digits and underscores"


@dataclass(frozen=True)
class Template:
    """Literal text and variable names in turn: `parts[0]` text, `parts[1]` a name, and so on."""

    parts: tuple[str, ...]

    @property
    def keys(self) -> Iterable[str]:
        """The variables that the template names, in its order."""
        return self.parts[1::2]

    def resolve(self, get: Callable[[str], str]) -> str:
        """Return the text with each name replaced by `get(name)`, whose errors pass through."""
        return "".join(get(part) if i % 2 else part for i, part in enumerate(self.parts))


def parse_template(text: str) -> Template:
    """Parse text with `{{ name }}` in it; there is no escape for `{{`.

    Errors: ExpressionError for a `{{` without its `}}`, and for a bad name.
    """
    parts: list[str] = []
    rest = text
    while True:
        literal, opened, rest = rest.partition("{{")
        parts.append(literal)
        if not opened:
            return Template(tuple(parts))
        name, closed, rest = rest.partition("}}")
        if not closed:
            raise ExpressionError(f"unmatched '{{{{' in {text!r}")
        parts.append(parse_key(name.strip()))
