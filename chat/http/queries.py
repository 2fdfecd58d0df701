"""Parses queries, ids in paths, and headers of requests."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from chat.context.ranking import WAYS, By
from chat.core.memories import MEMORY_ID
from chat.core.messages import ROLES, Place, Role
from chat.core.refusals import InvalidRequest, TooLarge
from chat.http.fields import OTHER_ROLES, parse_namespace
from chat.usecases.find_relevant import RelevantQuery
from chat.usecases.ports import Cursor

CURSOR = re.compile(
    r"([0-9]{1,17}(?:\.[0-9]{1,20})?(?:e[+-][0-9]{1,3})?)_([0-9a-z.-]{1,60})", re.ASCII
)
NUMBER = re.compile(r"[0-9]{1,3}(\.[0-9]{0,400})?(e[+-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE)
PLACE = re.compile(r"([1-9][0-9]{0,17})\.([0-9]{1,4})", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,3}", re.ASCII)
KEY = re.compile(r"[!-~]{1,255}")
MOST = 100
DEFAULT = 20
DEFAULT_TOP_K = 5
DEFAULT_DISTANCE = "0.3"
"""The default of RedisVL."""
FARTHEST = 2
"""The largest cosine distance."""


@dataclass(frozen=True)
class ListQuery:
    """What `GET /conversations` and `GET /memories` ask for."""

    limit: int
    cursor: Cursor | None
    namespace: str | None


@dataclass(frozen=True)
class MessagesQuery:
    """What `GET /conversations/{id}/messages` asks for."""

    last: int
    before: Place | None
    roles: Collection[Role]
    as_text: bool


@dataclass(frozen=True)
class MemoryQuery:
    """What `GET /memories/relevant` asks for."""

    prompt: str
    top_k: int
    distance_threshold: float
    by: By
    namespace: str | None


def parse_list_query(uri: str) -> ListQuery:
    """Parse `limit`, `cursor` and `namespace`.

    Errors: InvalidRequest.
    """
    query = _parse_query(uri, ("limit", "cursor", "namespace"))
    cursor = _cursor(query)
    return ListQuery(_count(query, "limit", 1, DEFAULT), cursor, _namespace(query))


def parse_namespace_query(uri: str, *, is_needed: bool = False) -> str | None:
    """Parse a query that has only a `namespace`.

    Errors: InvalidRequest, also if it `is_needed` and missing.
    """
    namespace = _namespace(_parse_query(uri, ("namespace",)))
    if is_needed and namespace is None:
        raise InvalidRequest("needs the `namespace` whose conversations are meant", "namespace")
    return namespace


def _namespace(query: Mapping[str, str]) -> str | None:
    return parse_namespace(query.get("namespace"))


def _cursor(query: Mapping[str, str]) -> Cursor | None:
    match = CURSOR.fullmatch(query.get("cursor", ""))
    if "cursor" in query and match is None:
        raise InvalidRequest("`cursor` must be a `next_cursor` that was given", "cursor")
    return Cursor(match[1], match[2]) if match else None


def parse_messages_query(uri: str) -> MessagesQuery:
    """Parse `last`, `before`, `role` and `as_text`.

    Errors: InvalidRequest.
    """
    query = _parse_query(uri, ("last", "before", "role", "as_text"))
    before = parse_place(query["before"], "before") if "before" in query else None
    last = _count(query, "last", 0, DEFAULT)
    return MessagesQuery(last, before, _roles(query), _flag(query, "as_text"))


def parse_last(uri: str) -> int | None:
    """Parse the `last` of `DELETE /conversations/{id}/messages`; None without it.

    Errors: InvalidRequest.
    """
    query = _parse_query(uri, ("last",))
    return _count(query, "last", 1, DEFAULT) if query else None


def parse_relevant_query(uri: str, max_prompt_bytes: int) -> RelevantQuery:
    """Parse `prompt`, `top_k`, `distance_threshold`, `role`, `as_text`, `fall_back` and `by`.

    Errors: InvalidRequest and TooLarge.
    """
    names = ("prompt", "top_k", "distance_threshold", "role", "as_text", "fall_back", "by")
    query = _parse_query(uri, names)
    return RelevantQuery(
        prompt=_prompt(query, max_prompt_bytes),
        top_k=_count(query, "top_k", 0, DEFAULT_TOP_K),
        distance_threshold=_threshold(query, DEFAULT_DISTANCE),
        roles=_roles(query),
        as_text=_flag(query, "as_text"),
        fall_back=_flag(query, "fall_back"),
        by=_by(query),
    )


@dataclass(frozen=True)
class SearchQuery:
    """What `GET /search` asks for."""

    prompt: str
    limit: int
    cursor: Cursor | None
    namespace: str | None


def parse_word_search(uri: str, max_prompt_bytes: int) -> SearchQuery:
    """Parse `prompt`, `limit`, `cursor` and `namespace`.

    Errors: InvalidRequest and TooLarge.
    """
    query = _parse_query(uri, ("prompt", "limit", "cursor", "namespace"))
    prompt = _prompt(query, max_prompt_bytes)
    limit = _count(query, "limit", 1, DEFAULT)
    return SearchQuery(prompt, limit, _cursor(query), _namespace(query))


def parse_search(uri: str, max_prompt_bytes: int, max_distance: float) -> MemoryQuery:
    """Parse `prompt`, `top_k`, `distance_threshold`, `by` and `namespace`.

    Errors: InvalidRequest and TooLarge.
    """
    names = ("prompt", "top_k", "distance_threshold", "by", "namespace")
    query = _parse_query(uri, names)
    return MemoryQuery(
        _prompt(query, max_prompt_bytes),
        _count(query, "top_k", 0, DEFAULT_TOP_K),
        _threshold(query, str(max_distance)),
        _by(query),
        _namespace(query),
    )


def parse_memory_id(text: str) -> str:
    """Parse a memory's id.

    Errors: InvalidRequest.
    """
    if not MEMORY_ID.fullmatch(text):
        raise InvalidRequest("`memory_id` must be a memory's id, as `12.3.0`", "memory_id")
    return text


def _prompt(query: Mapping[str, str], max_prompt_bytes: int) -> str:
    prompt = query.get("prompt", "")
    if not prompt.strip():
        raise InvalidRequest("`prompt` must not be empty", "prompt")
    if len(prompt.encode()) > max_prompt_bytes:
        raise TooLarge(f"`prompt` may have up to {max_prompt_bytes} bytes", "prompt")
    return prompt


def _threshold(query: Mapping[str, str], default: str) -> float:
    threshold = query.get("distance_threshold", default)
    if not NUMBER.fullmatch(threshold) or float(threshold) > FARTHEST:
        raise InvalidRequest(
            "`distance_threshold` must be a number from 0 to 2", "distance_threshold"
        )
    return float(threshold)


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
    query = dict(parse_qsl(uri.partition("?")[2], keep_blank_values=True))
    for name in query:
        if name not in allowed:
            raise InvalidRequest(
                f"`{name[:40]}` is not a parameter here; {', '.join(allowed)} are", name[:40]
            )
    return query


def _roles(query: Mapping[str, str]) -> list[Role]:
    given = query.get("role", ",".join(ROLES)).split(",")
    asked = [OTHER_ROLES.get(role, role) for role in given]
    if not set(asked) <= set(ROLES):
        raise InvalidRequest(f"`role` must be of {', '.join(ROLES)}, with commas between", "role")
    return [role for role in ROLES if role in asked]


def _by(query: Mapping[str, str]) -> By:
    asked = query.get("by", WAYS[0])
    for way in WAYS:
        if asked == way:
            return way
    raise InvalidRequest(f"`by` must be one of {', '.join(WAYS)}", "by")


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidRequest(f"`{name}` must be true or false", name)
    return text == "true"


def _count(query: Mapping[str, str], name: str, least: int, default: int) -> int:
    text = query.get(name, str(default))
    if not WHOLE.fullmatch(text) or not least <= int(text) <= MOST:
        raise InvalidRequest(f"`{name}` must be a whole number from {least} to {MOST}", name)
    return int(text)
