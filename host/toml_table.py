"""Reads TOML tables with errors that name the file, the table and the key."""

from typing import Any

from host.errors import ManifestError


class Table:
    """A TOML table that knows where it stands, for errors that name the key."""

    def __init__(self, file: str, where: str, data: Any, allowed: set[str] | None) -> None:
        self.file, self.where = file, where
        if not isinstance(data, dict):
            raise self.error("must be a table")
        self.data: dict[str, Any] = data
        unknown = sorted(set(data) - allowed) if allowed is not None else []
        if unknown:
            raise self.error(
                f"unknown key `{unknown[0]}`, expected one of {', '.join(sorted(allowed or ()))}"
            )

    def error(self, problem: str) -> ManifestError:
        """Make the error that names this table."""
        return ManifestError(self.file, f"[{self.where}] {problem}" if self.where else problem)

    def text(self, key: str, default: str | None = None) -> str:
        """Return the string under `key`."""
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise self.error(f"needs `{key}`, a string")
        return value

    def texts(self, key: str) -> list[str]:
        """Return the list of strings under `key`; empty if there is none."""
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"needs `{key}` to be a list of strings")
        return list(value)

    def text_map(self, key: str) -> dict[str, str]:
        """Return the table of strings under `key`; empty if there is none."""
        value = self.data.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self.error(f"needs `{key}` to be a table of strings")
        return dict(value)
