"""Parses the variables that an application declares.

Source: spin `crates/manifest/src/schema/common.rs`, `crates/loader/src/local.rs` (locked_variable).
"""

from dataclasses import dataclass

from host.app.ids import InvalidId, parse_variable_name
from host.app.toml_table import Table

FIELDS = ("description", "required", "default", "secret")


@dataclass(frozen=True)
class Variable:
    """An application variable; `default` is None if a value is required."""

    default: str | None
    is_secret: bool


def parse_variables(root: Table) -> dict[str, Variable]:
    """Parse the table `[variables]`.

    Errors: ManifestError.
    """
    variables = {}
    for name, data in (root.take("variables", dict) or {}).items():
        try:
            parse_variable_name(name)
        except InvalidId as error:
            raise root.error(str(error), f"variables.{name}") from error
        variables[name] = _parse(root.inner(f"variables.{name}", data, FIELDS, "struct Variable"))
    return variables


def _parse(table: Table) -> Variable:
    table.text("description", "")
    default = table.take("default", str)
    if bool(table.take("required", bool)) == (default is not None):
        raise table.error("must be `required` OR have a `default`")
    return Variable(default, bool(table.take("secret", bool)))
