"""Parses `runtime-config.toml`: where things are on this machine.

Source: spin `crates/runtime-config`, `crates/factor-llm`, `crates/variables-{env,static,vault}`,
`crates/factor-{outbound-http,key-value,sqlite}`.
"""

import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from host.app.toml_table import Table, parse_toml
from host.app.url_hosts import InvalidHost, check_url
from host.errors import ManifestError
from host.wording import quoted, unknown_variant, wrong_type

FIELDS = (
    "llm_compute", "variables_provider", "config_provider", "key_value_store", "sqlite_database",
    "outbound_http", "outbound_networking", "client_tls", "max_instance_memory",
    "state_dir", "log_dir",
)  # fmt: skip
NOT_HERE = {
    "outbound_networking": "this host blocks no networks",
    "client_tls": "this host has no TLS settings",
    "max_instance_memory": "this host has a limit of its own",
    "state_dir": "use --state-dir",
    "log_dir": "logs are in the state directory",
}
"""The keys that Spin reads and this host does not, and why."""
COMPUTES = ("spin", "remote_http")
API_TYPES = ("open_ai", "default")
PROVIDERS = ("static", "vault", "env")
OUTBOUND_HTTP_FIELDS = ("connection_pooling", "max_concurrent_requests")
ENV_FIELDS = ("prefix", "dotenv_path")
STORES = ("spin", "redis", "azure_cosmos", "aws_dynamo")
DATABASES = ("spin", "libsql")
DEFAULT_LABEL = "default"
ENV_PREFIX = "SPIN_VARIABLE"


@dataclass(frozen=True)
class LocalCompute:
    """`type = "spin"`: a model in this process."""


@dataclass(frozen=True)
class RemoteCompute:
    """`type = "remote_http"`: `url`'s path is not used; `api_type` is "default" or "open_ai"."""

    url: str
    auth_token: str
    api_type: str

    def __repr__(self) -> str:
        return f"RemoteCompute(url={self.url!r}, api_type={self.api_type!r})"


@dataclass(frozen=True)
class StaticProvider:
    """Fixed values."""

    values: Mapping[str, str]


@dataclass(frozen=True)
class EnvProvider:
    """Environment variables `<prefix>_<NAME>`, and those of a `.env` file."""

    prefix: str
    dotenv_path: str | None


@dataclass(frozen=True)
class RuntimeConfig:
    """A whole runtime config; `default` is the label of a store that every application may use.

    `not_here` has a message for each feature that only Spin has. If there is any, this host refuses
    to serve.
    """

    llm_compute: LocalCompute | RemoteCompute = field(default_factory=LocalCompute)
    providers: Sequence[StaticProvider | EnvProvider] = ()
    key_value_stores: frozenset[str] = frozenset({DEFAULT_LABEL})
    sqlite_databases: frozenset[str] = frozenset({DEFAULT_LABEL})
    not_here: Sequence[str] = ()


def load_runtime_config(path: pathlib.Path) -> RuntimeConfig:
    """Read and parse the file at `path`.

    Errors: ManifestError, which names the file and the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestError(str(path), error.strerror or str(error)) from error
    return parse_runtime_config(text, str(path))


def parse_runtime_config(text: str, file: str) -> RuntimeConfig:
    """Parse the text of a runtime config; an unknown top-level key is an error."""
    root = Table(file, "", parse_toml(text, file))
    _check_keys(root)
    outbound_http = _parse_outbound_http(root)
    name = "variables_provider" if "variables_provider" in root.data else "config_provider"
    providers = [_parse_provider(root.inner(name, table)) for table in root.take(name, list) or []]
    not_here = [root.error(problem, key) for key, problem in NOT_HERE.items() if key in root.data]
    if "max_concurrent_requests" in outbound_http.data:
        not_here.append(outbound_http.error("this host sets no limit", "max_concurrent_requests"))
    if None in providers:
        not_here.append(root.error('type "vault": this host asks no vault', name))
    return RuntimeConfig(
        _parse_compute(root),
        tuple(provider for provider in providers if provider is not None),
        _parse_labels(root, "key_value_store", STORES),
        _parse_labels(root, "sqlite_database", DATABASES),
        tuple(map(str, not_here)),
    )


def _check_keys(root: Table) -> None:
    unused = [key for key in root.data if key not in FIELDS]
    if {"variables_provider", "config_provider"} <= set(root.data):
        unused.append("config_provider")
    if unused:
        raise root.error(f"unused runtime config key(s): {', '.join(unused)}")


def _parse_outbound_http(root: Table) -> Table:
    table = root.inner("outbound_http", root.data.get("outbound_http", {}), OUTBOUND_HTTP_FIELDS)
    table.take("connection_pooling", bool)
    return table


def _parse_compute(root: Table) -> LocalCompute | RemoteCompute:
    if "llm_compute" not in root.data:
        return LocalCompute()
    table = root.inner(
        "llm_compute", root.data["llm_compute"], expected="internally tagged enum LlmCompute"
    )
    kind = _parse_type(table, COMPUTES)
    if kind == "spin":
        return LocalCompute()
    return RemoteCompute(_parse_url(table), table.text("auth_token"), _parse_api_type(table))


def _parse_type(table: Table, known: Sequence[str]) -> str:
    """Parse the key `type` of a table.

    Errors: ManifestError.
    """
    kind = table.required("type")
    if not isinstance(kind, str):
        raise table.error(wrong_type(kind, "variant identifier"), "type")
    if kind not in known:
        raise table.error(unknown_variant(kind, known), "type")
    return kind


def _parse_url(table: Table) -> str:
    url = table.required("url")
    if not isinstance(url, str):
        raise table.error(wrong_type(url, "a string representing an URL"), "url")
    try:
        check_url(url)
    except InvalidHost as error:
        raise table.error(f"{error}: {quoted(url)}", "url") from error
    return url


def _parse_api_type(table: Table) -> str:
    api_type: Any = table.data.get("api_type", "default")
    if not isinstance(api_type, str):
        raise table.error(wrong_type(api_type, "string or map"), "api_type")
    if api_type not in API_TYPES:
        raise table.error(unknown_variant(api_type, API_TYPES), "api_type")
    return api_type


def _parse_provider(table: Table) -> StaticProvider | EnvProvider | None:
    """Parse a provider of variables; None for one that only Spin can ask."""
    kind = _parse_type(table, PROVIDERS)
    if kind == "static":
        table.required("values")
        return StaticProvider(table.text_map("values"))
    if kind == "vault":
        return None
    rest = {key: value for key, value in table.data.items() if key != "type"}
    env = Table(table.file, table.where, rest, ENV_FIELDS)
    return EnvProvider(env.text("prefix", ENV_PREFIX), env.take("dotenv_path", str))


def _parse_labels(root: Table, key: str, kinds: Sequence[str]) -> frozenset[str]:
    """Parse the labels of the stores that Spin would have; this host has no stores."""
    for table in root.tables(key).values():
        _parse_type(table, kinds)
    return frozenset({DEFAULT_LABEL, *root.tables(key)})
