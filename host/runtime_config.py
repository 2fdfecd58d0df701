"""Parses `runtime-config.toml`: where things are on this machine.

Source: spin `crates/runtime-config`, `crates/factor-llm`, `crates/variables-{env,static}`.
"""

import pathlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from host.errors import ManifestError

TABLES = {"llm_compute", "variables_provider", "config_provider", "outbound_redis",
          "outbound_networking", "outbound_http", "state_dir", "log_dir"}  # fmt: skip


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
    """What the file says; without a file, the defaults."""

    llm_compute: LocalCompute | RemoteCompute = LocalCompute()
    providers: tuple[StaticProvider | EnvProvider, ...] = ()


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
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(file, str(error)) from error
    unknown = sorted(set(data) - TABLES)
    if unknown:
        raise ManifestError(file, f"unused runtime config key(s): {', '.join(unknown)}")
    providers = [*data.get("variables_provider", []), *data.get("config_provider", [])]
    return RuntimeConfig(
        _parse_compute(file, data.get("llm_compute", {"type": "spin"})),
        tuple(_parse_provider(file, table) for table in providers),
    )


def _parse_compute(file: str, table: Any) -> LocalCompute | RemoteCompute:
    kind = table.get("type")
    if kind == "spin":
        return LocalCompute()
    if kind != "remote_http":
        raise ManifestError(
            file, f'[llm_compute] unknown type {kind!r}, expected "spin" or "remote_http"'
        )
    url, token = table.get("url"), table.get("auth_token")
    api_type = table.get("api_type", "default")
    if not isinstance(url, str) or not is_url(url):
        raise ManifestError(file, "[llm_compute] needs `url`, a URL")
    if not isinstance(token, str):
        raise ManifestError(file, "[llm_compute] needs `auth_token`, a string")
    if api_type not in ("default", "open_ai"):
        raise ManifestError(
            file, f'[llm_compute] unknown api_type {api_type!r}, expected "default" or "open_ai"'
        )
    return RemoteCompute(url, token, api_type)


def _parse_provider(file: str, table: Any) -> StaticProvider | EnvProvider:
    kind = table.get("type")
    if kind == "static":
        return StaticProvider(
            {str(key): str(value) for key, value in table.get("values", {}).items()}
        )
    if kind == "env":
        return EnvProvider(str(table.get("prefix", "SPIN_VARIABLE")), table.get("dotenv_path"))
    raise ManifestError(
        file, f'[[variables_provider]] type {kind!r} is not to be had here, use "static" or "env"'
    )


def is_url(text: str) -> bool:
    """Say whether a text has a scheme and a host, and a port that is one if it has any."""
    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname and parts.port != 0)
    except ValueError:
        return False
