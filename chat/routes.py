"""The table of what is served: path and method to what answers."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from chat.errors import MethodNotAllowed, UnknownRoute

Action = Literal[
    "take_turn",
    "start_session",
    "list_conversations",
    "show_conversation",
    "change_conversation",
    "forget_conversation",
    "read_messages",
    "find_relevant",
    "add_messages",
    "forget_message",
    "list_memories",
    "search_memories",
    "remember",
    "show_memory",
    "change_memory",
    "forget_one_memory",
    "forget_memories",
    "export",
    "import",
    "erase",
    "check_health",
    "check_life",
    "list_methods",
]

ROUTES: dict[str, dict[str, Action]] = {
    "/": {"POST": "take_turn"},
    "/session": {"POST": "start_session"},
    "/conversations": {"GET": "list_conversations"},
    "/conversations/{id}": {
        "GET": "show_conversation",
        "PATCH": "change_conversation",
        "DELETE": "forget_conversation",
    },
    "/conversations/{id}/messages": {"GET": "read_messages", "POST": "add_messages"},
    "/conversations/{id}/relevant": {"GET": "find_relevant"},
    "/conversations/{id}/messages/{message_id}": {"DELETE": "forget_message"},
    "/memories": {
        "GET": "list_memories",
        "POST": "remember",
        "DELETE": "forget_memories",
    },
    "/memories/relevant": {"GET": "search_memories"},
    "/memories/{memory_id}": {
        "GET": "show_memory",
        "PATCH": "change_memory",
        "DELETE": "forget_one_memory",
    },
    "/export": {"GET": "export"},
    "/import": {"POST": "import"},
    "/me": {"DELETE": "erase"},
    "/healthz": {"GET": "check_health"},
    "/livez": {"GET": "check_life"},
}
"""HEAD is answered wherever GET is, and OPTIONS everywhere. The first path that fits counts."""


@dataclass(frozen=True)
class Route:
    """What answers a request, and the parts of its path that have a name in the table."""

    action: Action
    parts: dict[str, str]
    allowed: str


def find_route(method: str, uri: str) -> Route:
    """Find what answers a method on a path and query.

    Errors: UnknownRoute, and MethodNotAllowed with those that are allowed.
    """
    path = urlsplit(uri).path or "/"
    for template, methods in ROUTES.items():
        parts = _match(template, path)
        if parts is not None:
            allowed = _allowed(methods)
            if method == "OPTIONS":
                return Route("list_methods", parts, allowed)
            action = methods.get("GET" if method == "HEAD" else method)
            if action is None:
                raise MethodNotAllowed(allowed)
            return Route(action, parts, allowed)
    raise UnknownRoute


def find_template(uri: str) -> str | None:
    """Find the path of the table that a path fits; None for one that is not served."""
    path = urlsplit(uri).path or "/"
    return next((template for template in ROUTES if _match(template, path) is not None), None)


def _allowed(methods: dict[str, Action]) -> str:
    head = ["HEAD"] if "GET" in methods else []
    return ", ".join(sorted([*methods, *head, "OPTIONS"]))


def _match(template: str, path: str) -> dict[str, str] | None:
    """Match a path segment by segment; a named one takes anything but nothing."""
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    parts = {}
    for name, segment in zip(wanted, given, strict=True):
        if name.startswith("{") and segment:
            parts[name[1:-1]] = segment
        elif name != segment:
            return None
    return parts
