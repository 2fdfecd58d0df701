"""Parses the flags that the commands have in common."""

import difflib
import pathlib
from collections.abc import Collection, Iterable, Sequence

from host.errors import HostError

GGUF_MAGIC = b"GGUF"


def parse_pairs(flag: str, pairs: Sequence[str]) -> dict[str, str]:
    """Parse the `K=V` values of a flag.

    Errors: HostError.
    """
    parsed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise HostError(f"{flag} {pair}: must be of the form `name=value`")
        parsed[name] = value
    return parsed


def check_known(flag: str, given: Iterable[str], known: Collection[str]) -> None:
    """Check that the application has the names that a flag was given: others would do nothing.

    Errors: HostError, with the name that was perhaps meant.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"; is it {near[0]}?" if near else f", but {', '.join(sorted(known))}"
            raise HostError(f"{flag} {name}: the application has no such name{meant}")


def check_gguf(what: str, path: pathlib.Path) -> None:
    """Check that a model's file begins as a GGUF file does.

    Errors: HostError.
    Source: ggml `docs/gguf.md`.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise HostError(f"{what}: {path}: {error.strerror or error}") from error
    if begin != GGUF_MAGIC:
        raise HostError(f"{what}: {path} is not a GGUF file")


def parse_models(pairs: Sequence[str]) -> dict[str, pathlib.Path]:
    """Parse `--model NAME=FILE`.

    Errors: HostError for a file that is missing or is not a GGUF file.
    """
    models = {name: pathlib.Path(path) for name, path in parse_pairs("--model", pairs).items()}
    for name, path in models.items():
        if not path.is_file():
            raise HostError(f"--model {name}: there is no file {path}")
        check_gguf(f"--model {name}", path)
    return models
