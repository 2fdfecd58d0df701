"""Reads TOML tables with errors that name the file, the table and the key, in Spin's words.

Source: serde, as spin's `#[derive(Deserialize)]` with `deny_unknown_fields` uses it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from host.errors import ManifestError
from host.wording import no_variant, unknown_field, wrong_type

EXPECTED = {str: "a string", bool: "a boolean", list: "a sequence", dict: "a map"}
PLACE = re.compile(r"(.*) \(at (line \d+, column \d+)\)", re.DOTALL)
Value = TypeVar("Value", str, bool, list[Any], dict[str, Any])


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """Parse the text of a file.

    Errors: ManifestError, which names the place.
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        match = PLACE.fullmatch(str(error))
        problem, place = match.groups() if match else (str(error), "the end of the file")
        raise ManifestError(file, f"TOML parse error at {place}: {problem}") from error


class Table:
    """A TOML table that knows its place in the file, so that errors can name the key."""

    def __init__(
        self,
        file: str,
        where: str,
        data: Any,
        fields: Sequence[str] | None = None,
        expected: str = "a map",
    ) -> None:
        """Check that `data` is a table with no other fields than `fields`; None allows any.

        Shapes: `fields` are in the order in which Spin's errors name them.
        Errors: ManifestError.
        """
        self.file, self.where = file, where
        if not isinstance(data, dict):
            raise self.error(wrong_type(data, expected))
        self.data: dict[str, Any] = data
        unknown = [key for key in data if key not in fields] if fields is not None else []
        if unknown:
            raise self.error(unknown_field(unknown[0], fields or ()))

    def error(self, problem: str, key: str = "") -> ManifestError:
        """Make an error that names this table, and `key` if there is one."""
        said = f"{key}: {problem}" if key else problem
        return ManifestError(self.file, f"[{self.where}] {said}" if self.where else said)

    def take(self, key: str, kind: type[Value]) -> Value | None:
        """Return the value under `key`, which must be of `kind`; None if there is none."""
        value = self.data.get(key)
        if value is None or isinstance(value, kind):
            return value
        raise self.error(wrong_type(value, EXPECTED[kind]), key)

    def required(self, key: str) -> Any:
        """Return the value under `key`, which must be there."""
        if key not in self.data:
            raise self.error(f"missing field `{key}`")
        return self.data[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Return the string under `key`; it must be there if there is no default."""
        value = self.take(key, str)
        if value is not None:
            return value
        return str(self.required(key)) if default is None else default

    def texts(self, key: str) -> list[str]:
        """Return the list of strings under `key`; empty if there is none."""
        values = self.take(key, list) or []
        for value in values:
            if not isinstance(value, str):
                raise self.error(wrong_type(value, "a string"), key)
        return values

    def text_map(self, key: str) -> dict[str, str]:
        """Return the table of strings under `key`; empty if there is none."""
        values = self.take(key, dict) or {}
        for name, value in values.items():
            if not isinstance(value, str):
                raise self.error(wrong_type(value, "a string"), f"{key}.{name}")
        return values

    def tables(self, key: str) -> Mapping[str, "Table"]:
        """Return the tables within the table under `key`; they may have any names."""
        values = self.take(key, dict) or {}
        return {name: self.inner(f"{key}.{name}", value) for name, value in values.items()}

    def inner(
        self,
        key: str,
        data: Any,
        fields: Sequence[str] | None = None,
        expected: str = "a map",
    ) -> "Table":
        """Return `data` as a table within this one."""
        return Table(self.file, f"{self.where}.{key}".lstrip("."), data, fields, expected)

    def check_each(self, key: str, is_one: Callable[[Any], bool], kind: str) -> None:
        """Check that each value in the list under `key` has one of the forms of `kind`."""
        for value in self.take(key, list) or []:
            if not is_one(value):
                raise self.error(no_variant(kind), key)


def is_table_of(value: Any, required: Sequence[str], optional: Sequence[str] = ()) -> bool:
    """Whether a value is a table of strings with all `required` and only `optional` others."""
    return (
        isinstance(value, dict)
        and set(required) <= set(value) <= {*required, *optional}
        and all(isinstance(item, str) for item in value.values())
    )
