"""Parses what callers send beside bodies: queries, paths and headers."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from chat.errors import InvalidRequest
from chat.messages import ROLES, Role
from chat.ports import Cursor
from chat.reading import Place

CURSOR = re.compile(r"([0-9][0-9.e+]{0,24})_([0-9]{1,19})", re.ASCII)
PLACE = re.compile(r"([1-9][0-9]{0,17})\.([0-9]{1,4})", re.ASCII)
KEY = re.compile(r"[!-~]{1,255}")
MOST = 100
DEFAULT = 20


@dataclass(frozen=True)
class ListQuery:
    """What `GET /conversations` asks for."""

    limit: int
    cursor: Cursor | None


@dataclass(frozen=True)
class MessagesQuery:
    """What `GET /conversations/{id}/messages` asks for."""

    last: int
    before: Place | None
    roles: Collection[Role]
    as_text: bool


def parse_list_query(uri: str) -> ListQuery:
    """Parse `limit` and `cursor`.

    Errors: InvalidRequest.
    """
    query = _parse_query(uri, ("limit", "cursor"))
    match = CURSOR.fullmatch(query.get("cursor", ""))
    if "cursor" in query and match is None:
        raise InvalidRequest("`cursor` must be a `next_cursor` that was given", "cursor")
    return ListQuery(_count(query, "limit", 1), Cursor(match[1], match[2]) if match else None)


def parse_messages_query(uri: str) -> MessagesQuery:
    """Parse `last`, `before`, `role` and `as_text`.

    Errors: InvalidRequest.
    """
    query = _parse_query(uri, ("last", "before", "role", "as_text"))
    asked = query.get("role", ",".join(ROLES)).split(",")
    roles = [role for role in ROLES if role in asked]
    if not set(asked) <= set(ROLES):
        raise InvalidRequest(f"`role` must be of {', '.join(ROLES)}, with commas between", "role")
    as_text = query.get("as_text", "false")
    if as_text not in ("true", "false"):
        raise InvalidRequest("`as_text` must be true or false", "as_text")
    before = parse_place(query["before"], "before") if "before" in query else None
    return MessagesQuery(_count(query, "last", 0), before, roles, as_text == "true")


def parse_place(text: str, name: str) -> Place:
    """Parse a message's id.

    Errors: InvalidRequest.
    """
    match = PLACE.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"`{name}` must be a message's id, as `12.0`", name)
    return Place(int(match[1]), int(match[2]))


def parse_idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Parse the `Idempotency-Key`, if there is one.

    Errors: InvalidRequest.
    """
    key = headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise InvalidRequest(
            "`Idempotency-Key` must be 1 to 255 visible ASCII characters", "Idempotency-Key"
        )
    return key


def _parse_query(uri: str, allowed: tuple[str, ...]) -> dict[str, str]:
    query = dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True))
    for name in query:
        if name not in allowed:
            raise InvalidRequest(
                f"`{name[:40]}` is not a parameter here; {', '.join(allowed)} are", name[:40]
            )
    return query


def _count(query: Mapping[str, str], name: str, least: int) -> int:
    text = query.get(name, str(DEFAULT))
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or not least <= int(text) <= MOST:
        raise InvalidRequest(f"`{name}` must be a whole number from {least} to {MOST}", name)
    return int(text)
