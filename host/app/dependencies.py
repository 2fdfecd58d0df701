"""Checks the form of a component's `dependencies`; this host composes no components.

Source: spin `crates/manifest/src/schema/v2.rs`, `crates/serde/src/dependencies.rs`.
"""

import re
from typing import Any

from host.app.ids import InvalidId, parse_kebab_id
from host.app.toml_table import Table, is_table_of
from host.wording import no_variant, wrong_type

PACKAGE = re.compile(r"[a-z0-9-]+:[a-z0-9-]+(?:/[A-Za-z0-9-]+)?(?:@[0-9A-Za-z.+-]+)?")
INHERITED = "inherit_configuration"
FORMS = (
    (("version",), ("registry", "package", "export")),
    (("path",), ("export",)),
    (("url", "digest"), ("export",)),
    (("component",), ("export",)),
)
"""The forms of a dependency's table: the keys that each form needs, and those that it may have."""


def check_dependencies(holder: Table) -> None:
    """Check that the table `dependencies` of a component or profile has Spin's form.

    Errors: ManifestError.
    """
    for name, value in (holder.take("dependencies", dict) or {}).items():
        if not is_dependency(value):
            raise holder.error(no_variant("ComponentDependency"), f"dependencies.{name}")
        try:
            _check_name(name)
        except InvalidId as error:
            raise holder.error(str(error), "dependencies") from error


def _check_name(name: str) -> None:
    if ":" not in name and "/" not in name:
        parse_kebab_id(name)
    elif not PACKAGE.fullmatch(name):
        raise InvalidId(wrong_type(name, "namespace:name/interface@version"))


def is_dependency(value: Any) -> bool:
    """Whether a value has one of the forms that a dependency may have."""
    if not isinstance(value, dict):
        return isinstance(value, str)
    inherited = value.get(INHERITED, True)
    is_known = isinstance(inherited, bool) or (
        isinstance(inherited, list) and all(isinstance(item, str) for item in inherited)
    )
    rest = {key: item for key, item in value.items() if key != INHERITED}
    return is_known and any(is_table_of(rest, *form) for form in FORMS)


def refuse_dependencies(component: Table) -> None:
    """Refuse a component that Spin would compose of several.

    Errors: ManifestError.
    """
    if component.take("dependencies", dict):
        raise component.error("has `dependencies`: this host composes no components")
