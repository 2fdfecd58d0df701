"""Parses `spin.toml`, manifest version 2.

Source: spin `crates/manifest/src/schema/v2.rs`; an unknown key is an error there and here.
"""

import pathlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from host.allowed_hosts import AllowedHostError, parse_allowed_host
from host.errors import ManifestError
from host.expressions import ExpressionError, Template, parse_key, parse_template
from host.routes import Route
from host.toml_table import Table

KEBAB = re.compile(r"[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z][a-zA-Z0-9]*)*")
MANIFEST_VERSION = 2
APPLICATION_KEYS = {"name", "version", "description", "authors", "targets", "trigger", "tool"}
VARIABLE_KEYS = {"required", "default", "secret", "description"}
TRIGGER_KEYS = {"route", "component", "static_response", "executor", "id"}
COMPONENT_KEYS = {
    "source", "description", "variables", "environment", "files", "exclude_files",
    "allowed_outbound_hosts", "key_value_stores", "sqlite_databases", "ai_models", "targets",
    "build", "tool", "dependencies",
    "dependencies_inherit_configuration", "profile",
}  # fmt: skip
BUILD_KEYS = {"command", "workdir", "watch"}


@dataclass(frozen=True)
class Variable:
    """An application variable; `default` is None where a value is required."""

    default: str | None
    is_secret: bool


@dataclass(frozen=True)
class StaticResponse:
    """A route's fixed answer, without a component."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True)
class Build:
    """How `spin build` makes a component."""

    commands: tuple[str, ...]
    workdir: str


@dataclass(frozen=True)
class Mount:
    """One entry of `files`: a glob as it stands, or a source and where the guest sees it."""

    source: str
    destination: str | None


@dataclass(frozen=True)
class Component:
    """One component, with its templates parsed."""

    id: str
    source: str
    variables: Mapping[str, Template]
    environment: Mapping[str, str]
    files: tuple[Mount, ...]
    exclude_files: tuple[str, ...]
    allowed_outbound_hosts: tuple[Template, ...]
    ai_models: frozenset[str]
    build: Build | None


@dataclass(frozen=True)
class Manifest:
    """A whole application; `folder` is where its paths start.

    `example` is a command to try, from `[application.tool.host]`, with `{origin}` for the address.
    """

    name: str
    version: str
    folder: pathlib.Path
    variables: Mapping[str, Variable]
    routes: tuple[Route, ...]
    components: Mapping[str, Component]
    static_responses: Mapping[str, StaticResponse] = field(default_factory=dict)
    example: str = ""


def load_manifest(path: pathlib.Path) -> Manifest:
    """Read and parse the manifest at `path`, or the `spin.toml` in the folder `path`.

    Errors: ManifestError, which names the file and the key.
    """
    file = path / "spin.toml" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError(str(file), error.strerror or str(error)) from error
    return parse_manifest(text, str(file), file.resolve().parent)


def parse_manifest(text: str, file: str, folder: pathlib.Path) -> Manifest:
    """Parse the text of a manifest; errors as in `load_manifest`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(file, str(error)) from error
    root = Table(
        file,
        "",
        data,
        {"spin_manifest_version", "application", "variables", "trigger", "component"},
    )
    if root.data.get("spin_manifest_version") != MANIFEST_VERSION:
        raise root.error("spin_manifest_version must be 2")
    application = Table(file, "application", root.data.get("application"), APPLICATION_KEYS)
    variables = _parse_variables(file, root.data.get("variables", {}))
    components = {
        name: _parse_component(file, name, table, variables)
        for name, table in Table(
            file, "component", root.data.get("component", {}), None
        ).data.items()
    }
    routes, statics = _parse_triggers(file, root.data.get("trigger", {}), components)
    tool = Table(
        file, "application.tool.host", application.data.get("tool", {}).get("host", {}), {"example"}
    )
    return Manifest(
        application.text("name"),
        application.text("version", ""),
        folder,
        variables,
        routes,
        components,
        statics,
        tool.text("example", ""),
    )


def _parse_variables(file: str, data: Any) -> dict[str, Variable]:
    variables = {}
    for name, table in Table(file, "variables", data, None).data.items():
        entry = Table(file, f"variables.{name}", table, VARIABLE_KEYS)
        try:
            parse_key(name)
        except ExpressionError as error:
            raise entry.error(f"invalid variable name {error}") from error
        required, default = entry.data.get("required", False), entry.data.get("default")
        if bool(required) == (default is not None):
            raise entry.error("must be `required` OR have a `default`")
        variables[name] = Variable(
            None if default is None else entry.text("default"),
            bool(entry.data.get("secret", False)),
        )
    return variables


def _parse_component(
    file: str, name: str, data: Any, variables: Mapping[str, Variable]
) -> Component:
    table = Table(file, f"component.{name}", data, COMPONENT_KEYS)
    if not KEBAB.fullmatch(name):
        raise table.error("component ids must be kebab-case")
    source = table.data.get("source")
    if not isinstance(source, str):
        raise table.error("needs `source`, a path: this host loads components from files only")
    templates = {
        key: _template(table, text, variables) for key, text in table.text_map("variables").items()
    }
    for key in templates:
        try:
            parse_key(key)
        except ExpressionError as error:
            raise table.error(f"invalid variable name {error}") from error
    return Component(
        id=name,
        source=source,
        variables=templates,
        environment=table.text_map("environment"),
        files=tuple(_parse_mount(table, entry) for entry in table.data.get("files", [])),
        exclude_files=tuple(table.texts("exclude_files")),
        allowed_outbound_hosts=_parse_allowed(table, variables),
        ai_models=frozenset(table.texts("ai_models")),
        build=_parse_build(file, name, table.data.get("build")),
    )


def _template(table: Table, text: str, variables: Mapping[str, Variable]) -> Template:
    try:
        template = parse_template(text)
    except ExpressionError as error:
        raise table.error(str(error)) from error
    for key in template.keys:
        if key not in variables:
            raise table.error(f"unknown variable `{key}` in {text!r}")
    return template


def _parse_allowed(table: Table, variables: Mapping[str, Variable]) -> tuple[Template, ...]:
    entries = [
        (text, _template(table, text, variables)) for text in table.texts("allowed_outbound_hosts")
    ]
    for text, template in entries:
        if not template.keys:
            try:
                parse_allowed_host(text)
            except AllowedHostError as error:
                raise table.error(f"allowed_outbound_hosts: {error}") from error
    return tuple(template for _, template in entries)


def _parse_mount(table: Table, entry: Any) -> Mount:
    if isinstance(entry, str):
        return Mount(entry, None)
    if isinstance(entry, dict) and set(entry) == {"source", "destination"}:
        return Mount(str(entry["source"]), str(entry["destination"]))
    raise table.error("an entry of `files` must be a string or {source, destination}")


def _parse_build(file: str, name: str, data: Any) -> Build | None:
    if data is None:
        return None
    table = Table(file, f"component.{name}.build", data, BUILD_KEYS)
    command = table.data.get("command")
    commands = [command] if isinstance(command, str) else command
    if (
        not isinstance(commands, list)
        or not commands
        or not all(isinstance(item, str) for item in commands)
    ):
        raise table.error("needs `command`, a string or a list of strings")
    return Build(tuple(commands), table.text("workdir", "."))


def _parse_triggers(
    file: str, data: Any, components: Mapping[str, Component]
) -> tuple[tuple[Route, ...], dict[str, StaticResponse]]:
    triggers = Table(file, "trigger", data, {"http"}).data.get("http", [])
    if not isinstance(triggers, Sequence) or not triggers:
        raise ManifestError(file, "needs a [[trigger.http]]: this host serves HTTP only")
    routes: list[Route] = []
    statics: dict[str, StaticResponse] = {}
    for number, data_ in enumerate(triggers):
        table = Table(file, "trigger.http", data_, TRIGGER_KEYS)
        route = table.data.get("route")
        if isinstance(route, dict):
            continue  # a private route answers service chaining only
        if not isinstance(route, str) or not route.startswith("/"):
            raise table.error("needs `route`, a path that starts with '/'")
        target = table.data.get("component")
        if "static_response" in table.data:
            target = f"static response {number}"
            statics[target] = _parse_static(file, table.data["static_response"])
        elif not isinstance(target, str) or target not in components:
            raise table.error(f"unknown component `{target}`")
        routes.append(Route(route, target))
    return tuple(routes), statics


def _parse_static(file: str, data: Any) -> StaticResponse:
    table = Table(file, "trigger.http.static_response", data, {"status_code", "headers", "body"})
    status = table.data.get("status_code", 200)
    if not isinstance(status, int):
        raise table.error("needs `status_code` to be a number")
    return StaticResponse(status, tuple(table.text_map("headers").items()), table.text("body", ""))
