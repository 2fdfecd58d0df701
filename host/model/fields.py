"""Reads the fields of a JSON body, with refusals that name the field."""

import json
from collections.abc import Collection
from typing import Any

from host.server.asgi import Headers

MOST_SHOWN_CHARS = 80


class Refused(Exception):
    """A request that is not answered as asked: its status, what is wrong, and with which field."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        param: str | None = None,
        *,
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = headers


def shown(text: str) -> str:
    """Quote a name that a client chose, for an error and for the terminal."""
    return json.dumps(text[:MOST_SHOWN_CHARS])


def invalid(param: str, problem: str, code: str = "invalid_value") -> Refused:
    """Make the refusal of a field."""
    return Refused(400, f"`{param}` {problem}", code, param)


def parse_json(body: bytes) -> Any:
    """Parse a body that is JSON in UTF-8; its texts can be written again.

    Errors: Refused.
    """
    try:
        text = body.decode()
        data = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:  # half of a surrogate pair can be escaped, and be no text
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body must be valid JSON in UTF-8", "invalid_json") from error
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


class Fields:
    """An object of the body that knows where it stands; a null is a field that is not there."""

    def __init__(self, data: Any, where: str = "") -> None:
        if not isinstance(data, dict):
            if where:
                raise invalid(where, "must be an object", "invalid_type")
            raise Refused(400, "the body must be a JSON object", "invalid_type")
        self._where = where
        self._data = {name: value for name, value in data.items() if value is not None}

    def path(self, name: str) -> str:
        """Name a field of this object."""
        return f"{self._where}.{name}" if self._where else name

    def only(self, allowed: Collection[str]) -> None:
        """Refuse a field that is not one of `allowed`."""
        for name in self._data:
            if name not in allowed:
                param = self.path(shown(name)[1:-1])
                raise Refused(400, f"`{param}` is no field here", "unknown_parameter", param)

    def get(self, name: str) -> Any:
        """Return a field, or None."""
        return self._data.get(name)

    def text(self, name: str) -> str:
        """Return a text that has to be there."""
        value = self._data.get(name)
        if value is None:
            raise invalid(self.path(name), "is missing", "missing_required_parameter")
        if not isinstance(value, str):
            raise invalid(self.path(name), "must be a string", "invalid_type")
        return value

    def flag(self, name: str) -> bool:
        """Return a true or false, which is false when it is not there."""
        value = self._data.get(name, False)
        if not isinstance(value, bool):
            raise invalid(self.path(name), "must be true or false", "invalid_type")
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number in a range, if it is there."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(self.path(name), "must be a whole number", "invalid_type")
        if not low <= value <= high:
            raise invalid(self.path(name), f"must be from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number in a range, if it is there."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise invalid(self.path(name), "must be a number", "invalid_type")
        if not low <= value <= high:
            raise invalid(self.path(name), f"must be from {low:g} to {high:g}")
        return float(value)

    def texts(self, name: str, most: int) -> list[str]:
        """Return a list of texts that has to be there; a single text is a list of one."""
        value = self._data.get(name)
        if value is None:
            raise invalid(self.path(name), "is missing", "missing_required_parameter")
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            problem = "must be a string or a list of strings"
            raise invalid(self.path(name), problem, "invalid_type")
        if len(texts) > most:
            raise invalid(self.path(name), f"must have {most} texts or fewer")
        return texts
