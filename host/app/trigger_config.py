"""Parses the HTTP triggers of a manifest: what answers each route.

Source: spin `crates/manifest/src/{schema/v2,normalize}.rs`, `crates/http/src/config.rs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from host.app.app_variables import Variable
from host.app.components import FIELDS as COMPONENT_FIELDS
from host.app.components import Component, parse_component
from host.app.ids import InvalidId, parse_kebab_id
from host.app.routes import InvalidRoute, Route, rank_routes
from host.app.toml_table import Table
from host.wording import no_variant, unknown_variant, wrong_type

FIELDS = ("component", "static_response", "route", "executor", "id")
SPOKEN_FIELDS = FIELDS[:-1]
EXECUTORS = ("http", "spin", "wagi")
LARGEST_U16 = 0xFFFF


@dataclass(frozen=True)
class StaticResponse:
    """A route's fixed answer, without a component."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True)
class Triggers:
    """All routes, and the components that are written out within a trigger."""

    routes: Sequence[Route]
    static_responses: Mapping[str, StaticResponse]
    components: Mapping[str, Component]


def parse_triggers(
    root: Table, components: Mapping[str, Component], variables: Mapping[str, Variable]
) -> Triggers:
    """Parse the tables `[[trigger.http]]`; routes are in the order in which they are tried.

    Errors: ManifestError.
    """
    tables = _http_tables(root)
    inline: dict[str, Component] = {}
    statics: dict[str, StaticResponse] = {}
    routes = []
    for table, trigger_id in zip(tables, _trigger_ids(tables), strict=True):
        answer = _parse_component(table, trigger_id, inline, variables)
        _check(table, trigger_id)
        if "static_response" in table.data:
            answer = trigger_id
            statics[answer] = _parse_static(table)
        elif answer not in {*components, *inline}:
            raise table.error(f'no such component "{answer}"')
        pattern = _parse_route(table, answer)
        if pattern is not None:
            routes.append(Route(pattern, answer))
    return Triggers(_ranked(root, routes), statics, inline)


def _http_tables(root: Table) -> Sequence[Table]:
    root.required("trigger")
    kinds = root.take("trigger", dict) or {}
    for kind, triggers in kinds.items():
        if not isinstance(triggers, list):
            raise root.error(wrong_type(triggers, "a sequence"), f"trigger.{kind}")
        if kind != "http" and triggers:
            raise root.error(f"[[trigger.{kind}]]: this host serves HTTP only")
    tables = [root.inner("trigger.http", data) for data in kinds.get("http", [])]
    if not tables:
        raise root.error("No triggers in app")
    return tables


def _trigger_ids(tables: Sequence[Table]) -> Sequence[str]:
    """Return the ids of the triggers; one without an id is named after its component or number."""
    ids = [table.text("id", "") for table in tables]
    for i, table in enumerate(tables):
        component = table.data.get("component")
        natural = f"{component}-http-trigger"
        if not ids[i] and isinstance(component, str) and natural not in ids:
            ids[i] = natural
        elif not ids[i]:
            numbers = range(1, len(ids) + 1)
            ids[i] = next(f"http-trigger{n}" for n in numbers if f"http-trigger{n}" not in ids)
    return ids


def _parse_component(
    table: Table, trigger_id: str, inline: dict[str, Component], variables: Mapping[str, Variable]
) -> str:
    """Return the id of a trigger's component; one that is written out in the trigger gets an id."""
    spec = table.data.get("component")
    if isinstance(spec, str):
        try:
            return parse_kebab_id(spec)
        except InvalidId as error:
            raise table.error(str(error), "component") from error
    if spec is not None:
        name = f"{trigger_id}-component"
        part = table.inner("component", spec, COMPONENT_FIELDS, "struct Component")
        inline[name] = parse_component(name, part, variables)
        return name
    return ""


def _check(table: Table, trigger_id: str) -> None:
    """Fail where Spin's HTTP trigger fails; as in Spin, these errors do not name the trigger."""
    spoken = {key: value for key, value in table.data.items() if key != "id"}
    Table(table.file, table.where, spoken, SPOKEN_FIELDS)
    told = [key for key in SPOKEN_FIELDS[:2] if key in table.data]
    if len(told) != 1:
        how_many = "both" if told else "neither"
        raise table.error(
            f"Triggers must specify either component or static_response - {trigger_id} has "
            f"{how_many}"
        )
    if "executor" in table.data:
        expected = "internally tagged enum HttpExecutorType"
        _check_executor(table.inner("executor", table.data["executor"], expected=expected))


def _check_executor(executor: Table) -> None:
    kind = executor.text("type")
    if kind not in EXECUTORS:
        raise executor.error(unknown_variant(kind, EXECUTORS))
    if kind == "wagi":
        raise executor.error('type "wagi": this host runs components only')


def _parse_route(table: Table, answer: str) -> str | None:
    """Return the route's pattern; None for a private route, which only other components reach."""
    route = table.required("route")
    if isinstance(route, str):
        return route
    if not _is_private(route):
        raise table.error(no_variant("HttpTriggerRouteConfig"), "route")
    if not route["private"]:
        raise table.error(
            "route must be a string pattern or '{ private = true }': "
            f"'{answer}' has {{ private = false }}"
        )
    return None


def _is_private(route: Any) -> bool:
    return (
        isinstance(route, dict)
        and list(route) == ["private"]
        and isinstance(route["private"], bool)
    )


def _ranked(root: Table, routes: Sequence[Route]) -> Sequence[Route]:
    for route in routes:
        try:
            _ = route.parts
        except InvalidRoute as error:
            raise root.error(
                f"Error parsing route {route.path} associated with component {route.component}: "
                f"{error}"
            ) from error
    return rank_routes(routes)


def _parse_static(trigger: Table) -> StaticResponse:
    data = trigger.data["static_response"]
    table = trigger.inner("static_response", data, expected="struct StaticResponse")
    status = table.data.get("status_code", 200)
    if isinstance(status, bool) or not isinstance(status, int):
        raise table.error(wrong_type(status, "u16"), "status_code")
    if not 0 <= status <= LARGEST_U16:
        raise table.error(f"invalid value: integer `{status}`, expected u16", "status_code")
    return StaticResponse(status, tuple(table.text_map("headers").items()), table.text("body", ""))
