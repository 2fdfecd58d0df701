"""Parses the flags that both commands have."""

import pathlib
from collections.abc import Sequence

from host.errors import HostError


def parse_pairs(flag: str, pairs: Sequence[str]) -> dict[str, str]:
    """Parse `K=V` values of a flag."""
    parsed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise HostError(f"{flag} {pair}: must be of the form `name=value`")
        parsed[name] = value
    return parsed


def parse_models(pairs: Sequence[str]) -> dict[str, pathlib.Path]:
    """Parse `--model NAME=FILE`; each file has to be there."""
    models = {name: pathlib.Path(path) for name, path in parse_pairs("--model", pairs).items()}
    for name, path in models.items():
        if not path.is_file():
            raise HostError(f"--model {name}: there is no file {path}")
    return models
