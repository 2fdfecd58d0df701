"""Parses and resolves the `{{ variable }}` templates of a manifest.

Source: spin `crates/expressions`.
"""

import string
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from host.wording import quoted

KEY_CHARACTERS = string.ascii_lowercase + string.digits + "_"


class ExpressionError(ValueError):
    """A template or variable name that cannot be used."""


def parse_key(name: str) -> str:
    """Return `name` if a guest may ask for a variable of that name.

    Errors: ExpressionError in Spin's form, `"name": reason`.
    """
    fault = _fault(name)
    if fault:
        raise ExpressionError(f"{quoted(name)}: {fault}")
    return name


def _fault(name: str) -> str:
    invalid = [character for character in name if character not in KEY_CHARACTERS]
    if not name:
        return "must not be empty"
    if invalid:
        return (
            f"invalid character '{invalid[0]}'. Variable names may contain only lower-case letters,"
            " numbers, and underscores."
        )
    if name[0] not in string.ascii_lowercase:
        return "must start with a lowercase ASCII letter"
    if name.endswith("_"):
        return "must end with a lowercase ASCII letter or digit"
    return "must not contain multiple consecutive underscores" if "__" in name else ""


@dataclass(frozen=True)
class Template:
    """A template.

    Shapes: `parts` are literal texts and variable names in turn, beginning with a text.
    """

    parts: tuple[str, ...]

    @property
    def keys(self) -> Sequence[str]:
        """The variables that the template names, in order."""
        return self.parts[1::2]

    def __str__(self) -> str:
        return self.resolve("{{{{ {} }}}}".format)

    def resolve(self, get: Callable[[str], str]) -> str:
        """Return the text with each name replaced by `get(name)`.

        Errors: those of `get`.
        """
        return "".join(get(part) if i % 2 else part for i, part in enumerate(self.parts))


def parse_template(text: str) -> Template:
    """Parse text with `{{ name }}` in it; `{{` cannot be escaped, and names are not checked.

    Errors: ExpressionError for a `{{` without its `}}`.
    """
    parts: list[str] = []
    begin = 0
    while (opened := text.find("{{", begin)) >= 0:
        closed = text.find("}}", opened + 2)
        if closed < 0:
            raise ExpressionError("invalid variable template: unmatched '{{' in template")
        parts += (text[begin:opened], text[opened + 2 : closed].strip())
        begin = closed + 2
    return Template((*parts, text[begin:]))


def check_names(template: Template, known: Container[str]) -> None:
    """Check that the application has all variables that a template names.

    Errors: ExpressionError.
    """
    for key in template.keys:
        if key not in known:
            raise ExpressionError(f"invalid variable template: unknown variable {quoted(key)}")
