"""Gives components their variables: `fermyon:spin/variables` and `wasi:config/store`.

The first source that has a value wins: `--variable`, the providers in the order of the file,
`SPIN_VARIABLE_*`, `.env`, and then the default.

Source: spin `crates/expressions`, `crates/factor-variables/src/host.rs`.
"""

import json
import pathlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from host.abi.instance import Instance
from host.abi.values import Case, Err
from host.app.expressions import ExpressionError, Template, parse_key
from host.app.manifest import Component, Variable
from host.app.runtime_config import ENV_PREFIX, EnvProvider, StaticProvider
from host.errors import HostError

ALL = "*"
"""The key under which all variables of a component are kept; no variable can have this name."""
Outcome = TypeVar("Outcome")


class Unresolved(Exception):
    """A variable has no default, and no provider has a value for it."""


def parse_variable_flags(flags: Sequence[str]) -> dict[str, str]:
    """Parse `--variable` values: `k=v`, `k=@file`, `@file.json`, `@file.toml`; the last wins.

    Errors: HostError, which quotes the name but never the value.
    """
    values: dict[str, str] = {}
    for flag in flags:
        if flag.startswith("@"):
            values |= _read_map(pathlib.Path(flag[1:]))
            continue
        name, equals, value = flag.partition("=")
        if not equals:
            raise HostError(
                f"--variable {name}: must be of the form `key=value`, `key=@file` or `@file`"
            )
        values[name] = _read_text(pathlib.Path(value[1:])) if value.startswith("@") else value
    return values


def _read_text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise HostError(f"--variable: cannot read {path}: {error.strerror}") from error


def _read_map(path: pathlib.Path) -> dict[str, str]:
    if path.suffix not in (".json", ".toml"):
        raise HostError(f"--variable @{path}: variable files must end in .json or .toml")
    text = _read_text(path)
    try:
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        raise HostError(f"--variable: cannot parse {path}: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise HostError(f"--variable: {path} must be a flat map of strings")
    return data


def parse_dotenv(text: str) -> dict[str, str]:
    """Parse `NAME=value` lines; quotes around a value are dropped, `#` lines skipped."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            values[name.strip()] = value[1:-1] if quoted else value
    return values


def _read_dotenv(path: pathlib.Path) -> dict[str, str]:
    return parse_dotenv(path.read_text(encoding="utf-8")) if path.is_file() else {}


class Resolver:
    """Resolves application variables, whose values stay the same while the host runs."""

    def __init__(
        self,
        variables: Mapping[str, Variable],
        flags: Mapping[str, str],
        providers: Sequence[StaticProvider | EnvProvider],
        environ: Mapping[str, str],
    ) -> None:
        self._variables = variables
        chain = [*providers, EnvProvider(ENV_PREFIX, ".env")]
        self._sources = [flags, *(self._source(provider, environ) for provider in chain)]
        self._made: dict[tuple[str, str], Any] = {}

    def once(self, component: str, name: str, make: Callable[[], Outcome]) -> Outcome:
        """Return what `make` makes of a component's variables, made once for all its instances.

        An error of `make` is raised; then `make` is called again the next time.
        """
        key = (component, name)
        if key not in self._made:
            self._made[key] = make()
        made: Outcome = self._made[key]
        return made

    def _source(
        self, provider: StaticProvider | EnvProvider, environ: Mapping[str, str]
    ) -> dict[str, str]:
        if isinstance(provider, StaticProvider):
            return dict(provider.values)
        dotenv = _read_dotenv(pathlib.Path(provider.dotenv_path)) if provider.dotenv_path else {}
        names = {name: f"{provider.prefix}_{name.upper()}" for name in self._variables}
        found = {name: environ.get(key, dotenv.get(key)) for name, key in names.items()}
        return {name: value for name, value in found.items() if value is not None}

    def check_required(self) -> None:
        """Check at the start that every required variable has a value, as Spin does since 3.5.

        Errors: HostError.
        """
        missing = [name for name in self._variables if self._find(name) is None]
        if missing:
            names = ", ".join(f'Key("{name}")' for name in missing)
            raise HostError(f"no provider resolved required variable(s): [{names}]")

    def _find(self, name: str) -> str | None:
        for source in self._sources:
            if name in source:
                return source[name]
        return self._variables[name].default

    def get(self, name: str) -> str:
        """Return the value of an application variable.

        Errors: Unresolved with Spin's text.
        """
        value = self._find(name)
        if value is None:
            raise Unresolved(f'no provider resolved required variable "{name}"')
        return value

    def resolve_all(self) -> dict[str, str]:
        """Return the values of all variables; one without a value fails them all, as in Spin.

        Errors: Unresolved.
        """
        return {name: self.get(name) for name in self._variables}


class VariablesFactor:
    """`fermyon:spin/variables` for one instance."""

    def __init__(self, component: Component, resolver: Resolver, _instance: Instance) -> None:
        self._component = component
        self._resolver = resolver

    def get(self, name: str) -> str | Err:
        """Return the value of a component's variable, with its template resolved."""
        try:
            parse_key(name)
        except ExpressionError as error:
            return Err(Case("invalid-name", str(error)))
        template = self._component.variables.get(name)
        if template is None:
            return Err(Case("undefined", f'no variable for "{self._component.id}"."{name}"'))
        return self._resolver.once(self._component.id, name, lambda: self._resolve(template))

    def _resolve(self, template: Template) -> str | Err:
        try:
            return template.resolve(self._resolver.get)
        except Unresolved as error:
            return Err(Case("provider", str(error)))


class ConfigFactor:
    """`wasi:config/store` for one instance: the same variables as `fermyon:spin/variables`."""

    def __init__(self, component: Component, resolver: Resolver, instance: Instance) -> None:
        self._component = component
        self._resolver = resolver
        self._variables = VariablesFactor(component, resolver, instance)

    def get(self, key: str) -> str | Err | None:
        """Return the value of a component's variable; None for an unknown or invalid name."""
        value = self._variables.get(key)
        if not isinstance(value, Err):
            return value
        return (
            None
            if value.value.name in ("invalid-name", "undefined")
            else Err(Case("upstream", value.value.value))
        )

    def get_all(self) -> list[tuple[str, str]] | Err:
        """Return the names and values of all of the component's variables."""
        return self._resolver.once(self._component.id, ALL, self._get_all)

    def _get_all(self) -> list[tuple[str, str]] | Err:
        values = [(name, self._variables.get(name)) for name in self._component.variables]
        failed = [value for _, value in values if isinstance(value, Err)]
        if failed:
            return Err(Case("upstream", failed[0].value.value))
        return [(name, str(value)) for name, value in values]
