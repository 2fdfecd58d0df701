"""Parses `spin.toml`, manifest version 2, as Spin does: an unknown key is an error.

Source: spin `crates/manifest/src/{lib,schema/v2}.rs`, `crates/trigger-http/src/lib.rs`.
"""

import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from host.app.app_variables import Variable, parse_variables
from host.app.components import Build, Component, Mount, check_targets, parse_components
from host.app.routes import Route
from host.app.toml_table import Table, parse_toml
from host.app.trigger_config import StaticResponse, parse_triggers
from host.errors import ManifestError
from host.wording import written

__all__ = [
    "Build",
    "Component",
    "Manifest",
    "Mount",
    "StaticResponse",
    "Variable",
    "load_manifest",
    "parse_manifest",
]

VERSION = 2
FIELDS = ("spin_manifest_version", "application", "variables", "trigger", "component")
OWN_FIELDS = ("example", "ready", "notices")
NOTICE_FIELDS = ("variable", "value", "text")
APPLICATION_FIELDS = ("name", "version", "description", "authors", "targets", "trigger", "tool")


@dataclass(frozen=True)
class Notice:
    """A message that is printed at the start if a variable has a certain value."""

    variable: str
    value: str
    text: str


@dataclass(frozen=True)
class Manifest:
    """A whole application; its paths are relative to `folder`.

    Three values come from `[application.tool.host]`: `example`, a command to try, with `{origin}`
    in place of the address; `ready`, a path that answers what keeps the application from working;
    and `notices`.
    """

    name: str
    version: str
    folder: pathlib.Path
    variables: Mapping[str, Variable]
    routes: Sequence[Route]
    components: Mapping[str, Component]
    static_responses: Mapping[str, StaticResponse] = field(default_factory=dict)
    example: str = ""
    ready: str = ""
    notices: Sequence[Notice] = ()


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
    data = parse_toml(text, file)
    _check_version(Table(file, "", data))
    root = Table(file, "", data, FIELDS)
    application = _parse_application(root)
    variables = parse_variables(root)
    components = parse_components(root, variables)
    triggers = parse_triggers(root, components, variables)
    return Manifest(
        application.text("name"),
        application.text("version", ""),
        folder,
        variables,
        triggers.routes,
        {**components, **triggers.components},
        triggers.static_responses,
        *_parse_own(application, variables),
    )


def _check_version(root: Table) -> None:
    version = root.required("spin_manifest_version")
    if version == "1":
        raise root.error("this host reads manifests of version 2: see `spin doctor`")
    if version != VERSION or not isinstance(version, int):
        raise root.error(f"invalid manifest version: {written(version)}")


def _parse_application(root: Table) -> Table:
    table = root.inner(
        "application", root.required("application"), APPLICATION_FIELDS, "struct AppDetails"
    )
    table.text("name")
    table.text("description", "")
    table.texts("authors")
    table.tables("tool")
    check_targets(table)
    http = table.tables("trigger").get("http")
    if http is not None:
        _check_base(table.inner("trigger.http", http.data, ["base"]))
    return table


def _check_base(trigger: Table) -> None:
    if trigger.text("base", "/") != "/":
        raise trigger.error(
            "the deprecated trigger 'base' field: "
            "The base must be prepended to each [[trigger.http]]'s 'route'"
        )


def _parse_own(
    application: Table, variables: Mapping[str, Variable]
) -> tuple[str, str, Sequence[Notice]]:
    """Parse this host's own values, which are in the table that Spin leaves to tools."""
    tool = application.tables("tool").get("host")
    if tool is None:
        return "", "", ()
    table = application.inner("tool.host", tool.data, OWN_FIELDS)
    given = table.take("notices", list) or []
    notices = [
        _parse_notice(table.inner("notices", one, NOTICE_FIELDS), variables) for one in given
    ]
    return table.text("example", ""), table.text("ready", ""), notices


def _parse_notice(table: Table, variables: Mapping[str, Variable]) -> Notice:
    variable = table.text("variable")
    if variable not in variables:
        raise table.error(f"the application has no variable `{variable}`", "variable")
    return Notice(variable, table.text("value"), table.text("text"))
