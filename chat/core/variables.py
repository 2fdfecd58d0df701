"""Parses variables: each is a text; an unusable one is an error that names it, never the value."""

import re
from collections.abc import Callable

from chat.core.errors import InvalidSetting

Getter = Callable[[str], str]
WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?", re.ASCII)
IPV6_PORT = "an IPv6 address, in brackets, needs its port"


def integer(get: Getter, name: str, least: int, most: int) -> int:
    """Parse a whole number.

    Errors: InvalidSetting.
    """
    text = get(name).strip()
    if not WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise InvalidSetting(name, f"a whole number from {least} to {most}")
    return int(text)


def number(get: Getter, name: str, least: float, most: float) -> float:
    """Parse a number.

    Errors: InvalidSetting.
    """
    text = get(name).strip()
    if not NUMBER.fullmatch(text) or not least <= float(text) <= most:
        raise InvalidSetting(name, f"a number from {least} to {most}")
    return float(text)


def one_of(get: Getter, name: str, allowed: tuple[str, ...]) -> str:
    """Parse one of the words that are allowed.

    Errors: InvalidSetting.
    """
    text = get(name).strip()
    if text not in allowed:
        raise InvalidSetting(name, f"one of {', '.join(allowed)}")
    return text


def matching(get: Getter, name: str, pattern: re.Pattern[str], allowed: str) -> str:
    """Parse a text that a pattern matches; `allowed` says which texts those are.

    Errors: InvalidSetting.
    """
    text = get(name).strip()
    if not pattern.fullmatch(text):
        raise InvalidSetting(name, allowed)
    return text
