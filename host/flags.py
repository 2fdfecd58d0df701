"""Parses the flags that both commands have."""

import difflib
import pathlib
from collections.abc import Collection, Iterable, Sequence

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


def check_known(flag: str, given: Iterable[str], known: Collection[str]) -> None:
    """Check the names that a flag was given: one that the application does not have does nothing.

    Errors: HostError, with the name that was perhaps meant.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"; is it {near[0]}?" if near else f", but {', '.join(sorted(known))}"
            raise HostError(f"{flag} {name}: the application has no such name{meant}")


def parse_models(pairs: Sequence[str]) -> dict[str, pathlib.Path]:
    """Parse `--model NAME=FILE`; each file has to be there."""
    models = {name: pathlib.Path(path) for name, path in parse_pairs("--model", pairs).items()}
    for name, path in models.items():
        if not path.is_file():
            raise HostError(f"--model {name}: there is no file {path}")
    return models
