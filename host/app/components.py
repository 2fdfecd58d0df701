"""Parses the components of a manifest.

Source: spin `crates/manifest/src/schema/{v2,common}.rs`, `crates/loader/src/local.rs`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from host.app.allowed_host_entries import check_entries
from host.app.allowed_hosts import AllowedHostError
from host.app.app_variables import Variable
from host.app.dependencies import check_dependencies, refuse_dependencies
from host.app.expressions import ExpressionError, Template, check_names, parse_template
from host.app.ids import InvalidId, is_label, parse_kebab_id, parse_variable_name
from host.app.toml_table import Table, is_table_of
from host.wording import no_variant

FIELDS = (
    "source", "description", "variables", "environment", "files", "exclude_files",
    "allowed_http_hosts", "allowed_outbound_hosts", "key_value_stores", "sqlite_databases",
    "ai_models", "targets", "build", "tool", "dependencies_inherit_configuration",
    "dependencies", "profile",
)  # fmt: skip
BUILD_FIELDS = ("command", "workdir", "watch")
PROFILE_FIELDS = ("source", "environment", "dependencies", "build")
SOURCES = ((("url", "digest"), ()), (("package", "version"), ("registry",)))
"""The forms of a source's table: the keys that each form needs, and those that it may have."""


@dataclass(frozen=True)
class Build:
    """How `spin build` makes a component."""

    commands: tuple[str, ...]
    workdir: str


@dataclass(frozen=True)
class Mount:
    """One entry of `files`: a glob, or a source and the path at which the guest sees it."""

    source: str
    destination: str | None


@dataclass(frozen=True)
class Component:
    """One component; its templates are parsed."""

    id: str
    source: str
    variables: Mapping[str, Template]
    environment: Mapping[str, str]
    files: tuple[Mount, ...]
    exclude_files: tuple[str, ...]
    allowed_outbound_hosts: tuple[Template, ...]
    ai_models: frozenset[str]
    key_value_stores: tuple[str, ...]
    sqlite_databases: tuple[str, ...]
    build: Build | None


def parse_components(root: Table, variables: Mapping[str, Variable]) -> dict[str, Component]:
    """Parse the tables `[component.ID]`.

    Errors: ManifestError.
    """
    components = {}
    for name, data in (root.take("component", dict) or {}).items():
        try:
            parse_kebab_id(name)
        except InvalidId as error:
            raise root.error(str(error), f"component.{name}") from error
        table = root.inner(f"component.{name}", data, FIELDS, "struct Component")
        components[name] = parse_component(name, table, variables)
    return components


def parse_component(name: str, table: Table, variables: Mapping[str, Variable]) -> Component:
    """Parse one component's table.

    Errors: ManifestError.
    """
    _check_what_is_not_used(table)
    return Component(
        id=name,
        source=_parse_source(table),
        variables=_parse_variables(table, variables),
        environment=table.text_map("environment"),
        files=_parse_files(table),
        exclude_files=tuple(table.texts("exclude_files")),
        allowed_outbound_hosts=_parse_allowed(table, variables),
        ai_models=frozenset(table.texts("ai_models")),
        key_value_stores=_parse_labels(table, "key_value_stores"),
        sqlite_databases=_parse_labels(table, "sqlite_databases"),
        build=_parse_build(table),
    )


def _check_what_is_not_used(table: Table) -> None:
    """Check the fields that this host ignores, and refuse those that it cannot serve."""
    table.text("description", "")
    table.tables("tool")
    table.take("dependencies_inherit_configuration", bool)
    check_targets(table)
    check_dependencies(table)
    for name, profile in (table.take("profile", dict) or {}).items():
        expected = "struct ComponentProfileOverride"
        _check_profile(table.inner(f"profile.{name}", profile, PROFILE_FIELDS, expected))
    refuse_dependencies(table)
    if table.texts("allowed_http_hosts"):
        raise table.error("`allowed_http_hosts` is deprecated, use `allowed_outbound_hosts`")


def check_targets(table: Table) -> None:
    """Check that `targets` names environments.

    Errors: ManifestError.
    """

    def is_target(value: Any) -> bool:
        return isinstance(value, str) or any(
            is_table_of(value, [field]) for field in ("url", "path")
        )

    table.check_each("targets", is_target, "TargetEnvironmentRef")


def _check_profile(profile: Table) -> None:
    profile.text_map("environment")
    if "source" in profile.data:
        _check_source(profile, profile.data["source"])
    if "build" in profile.data:
        expected = "struct ComponentProfileBuildOverride"
        build = profile.inner("build", profile.data["build"], BUILD_FIELDS[:1], expected)
        _parse_commands(build)
    check_dependencies(profile)


def _check_source(table: Table, source: Any) -> None:
    if not isinstance(source, str) and not any(is_table_of(source, *form) for form in SOURCES):
        raise table.error(no_variant("ComponentSource"), "source")


def _parse_source(table: Table) -> str:
    source = table.required("source")
    _check_source(table, source)
    if not isinstance(source, str):
        raise table.error("must be a path: this host loads components from files only", "source")
    return source


def _parse_variables(table: Table, variables: Mapping[str, Variable]) -> dict[str, Template]:
    templates = {}
    for name, text in table.text_map("variables").items():
        try:
            templates[parse_variable_name(name)] = parse_template(text)
            check_names(templates[name], variables)
        except (InvalidId, ExpressionError) as error:
            raise table.error(str(error), f"variables.{name}") from error
    return templates


def _parse_allowed(table: Table, variables: Mapping[str, Variable]) -> tuple[Template, ...]:
    """Parse the templates of the allowed hosts, without looking for their variables.

    Spin looks for the variables only when they are needed.
    """

    def default(name: str) -> str | None:
        return variables[name].default if name in variables else None

    try:
        entries = [parse_template(text) for text in table.texts("allowed_outbound_hosts")]
        check_entries(entries, default)
    except ExpressionError as error:
        raise table.error(f"`allowed_outbound_hosts` is malformed: {error}") from error
    except AllowedHostError as error:
        raise table.error(f"`allowed_outbound_hosts` is malformed: {error.in_full()}") from error
    return tuple(entries)


def _parse_files(table: Table) -> tuple[Mount, ...]:
    def is_mount(value: Any) -> bool:
        return isinstance(value, str) or is_table_of(value, ["source", "destination"])

    table.check_each("files", is_mount, "WasiFilesMount")
    entries = table.take("files", list) or []
    return tuple(
        Mount(entry, None) if isinstance(entry, str) else Mount(**entry) for entry in entries
    )


def _parse_labels(table: Table, key: str) -> tuple[str, ...]:
    labels = table.texts(key)
    if not all(map(is_label, labels)):
        raise table.error("expected kebab-case or snake_case", key)
    return tuple(labels)


def _parse_build(table: Table) -> Build | None:
    if "build" not in table.data:
        return None
    build = table.inner("build", table.data["build"], BUILD_FIELDS, "struct ComponentBuildConfig")
    build.texts("watch")
    return Build(_parse_commands(build), build.text("workdir", "."))


def _parse_commands(build: Table) -> tuple[str, ...]:
    command = build.required("command")
    commands = [command] if isinstance(command, str) else command
    if not isinstance(commands, list) or not all(isinstance(item, str) for item in commands):
        raise build.error(no_variant("Commands"), "command")
    return tuple(commands)
