"""Checks before anything is served: fails where Spin fails, and where this host lacks a feature.

Source: spin `crates/factor-key-value/src/lib.rs`, `crates/factor-sqlite/src/lib.rs`.
"""

from host.app.manifest import Manifest
from host.app.runtime_config import RuntimeConfig
from host.errors import HostError
from host.wording import quoted


def check_start(manifest: Manifest, config: RuntimeConfig) -> None:
    """Check that the manifest and the runtime config fit together.

    Errors: HostError.
    """
    for component in manifest.components.values():
        for label in component.key_value_stores:
            if label not in config.key_value_stores:
                raise HostError(
                    f"unknown key_value_stores label {quoted(label)} "
                    f"for component {quoted(component.id)}"
                )
        for label in component.sqlite_databases:
            if label not in config.sqlite_databases:
                raise HostError(
                    "One or more components use SQLite databases which are not defined. "
                    f"Component {component.id} uses database '{label}'"
                )
    if config.not_here:
        raise HostError("; ".join(config.not_here))
