"""The table of what is served: path and method to what answers."""

from typing import Literal
from urllib.parse import urlsplit

from chat.errors import MethodNotAllowed, UnknownRoute

Action = Literal["take_turn", "health", "options"]

ROUTES: dict[str, dict[str, Action]] = {
    "/": {"POST": "take_turn"},
    "/healthz": {"GET": "health", "HEAD": "health"},
}


def allowed_methods(path: str) -> str:
    """List what `path` allows, for an `Allow` header."""
    return ", ".join(sorted({*ROUTES[path], "OPTIONS"}))


def parse_path(uri: str) -> str:
    """Give the path of a request's path and query.

    Errors: UnknownRoute.
    """
    path = urlsplit(uri).path or "/"
    if path not in ROUTES:
        raise UnknownRoute
    return path


def find_action(method: str, path: str) -> Action:
    """Find what answers `method` on a path of the table.

    Errors: MethodNotAllowed, with those that are.
    """
    if method == "OPTIONS":
        return "options"
    action = ROUTES[path].get(method)
    if action is None:
        raise MethodNotAllowed(allowed_methods(path))
    return action
