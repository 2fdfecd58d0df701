"""Reads the fields of a JSON body, with refusals that name the field."""

import json
from collections.abc import Collection
from typing import Any

from host.server.asgi import Headers

MAX_SHOWN_CHARS = 80


class Refused(Exception):
    """A request is refused: the answer's status, what is wrong, and with which field."""

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
    """Return a name that a client chose in quotation marks, for errors and the terminal."""
    return json.dumps(text[:MAX_SHOWN_CHARS])


def invalid(param: str, problem: str, code: str = "invalid_value") -> Refused:
    """Make the refusal of a field."""
    return Refused(400, f"`{param}` {problem}", code, param)


def parse_json(body: bytes) -> Any:
    """Parse a body of JSON in UTF-8; all of its texts can be written as UTF-8 again.

    Errors: Refused.
    """
    try:
        text = body.decode()
        data = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:  # an escape may be half of a surrogate pair, which is not text
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body must be valid JSON in UTF-8", "invalid_json") from error
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


class Fields:
    """An object in the body that knows its place there; a field of null counts as missing."""

    def __init__(self, data: Any, where: str = "") -> None:
        if not isinstance(data, dict):
            if where:
                raise invalid(where, "must be an object", "invalid_type")
            raise Refused(400, "the body must be a JSON object", "invalid_type")
        self._where = where
        self._data = {name: value for name, value in data.items() if value is not None}

    def path(self, name: str) -> str:
        """Return the name of a field of this object, with the object's own place before it."""
        return f"{self._where}.{name}" if self._where else name

    def only(self, allowed: Collection[str]) -> None:
        """Refuse the request if the object has a field that is not `allowed`."""
        for name in self._data:
            if name not in allowed:
                param = self.path(shown(name)[1:-1])
                raise Refused(400, f"`{param}` is no field here", "unknown_parameter", param)

    def get(self, name: str) -> Any:
        """Return the value of a field, None if it is missing."""
        return self._data.get(name)

    def text(self, name: str) -> str:
        """Return a text; it is required."""
        value = self._data.get(name)
        if value is None:
            raise invalid(self.path(name), "is missing", "missing_required_parameter")
        if not isinstance(value, str):
            raise invalid(self.path(name), "must be a string", "invalid_type")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; a missing field is false."""
        value = self._data.get(name, False)
        if not isinstance(value, bool):
            raise invalid(self.path(name), "must be true or false", "invalid_type")
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from `low` to `high`, None if it is missing."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(self.path(name), "must be a whole number", "invalid_type")
        if not low <= value <= high:
            raise invalid(self.path(name), f"must be from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number from `low` to `high`, None if it is missing."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise invalid(self.path(name), "must be a number", "invalid_type")
        if not low <= value <= high:
            raise invalid(self.path(name), f"must be from {low:g} to {high:g}")
        return float(value)

    def texts(self, name: str, most: int) -> list[str]:
        """Return a list of up to `most` texts; it is required, and one text counts as a list."""
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
