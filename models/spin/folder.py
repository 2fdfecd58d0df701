"""Keeps a model folder up to date, and never touches one that somebody else filled.

A folder that this program wrote has a record of every file in it. If a file differs from the
record, or there is another file, the folder belongs to its user.
"""

import enum
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Mapping

RECORD = "made.json"
MAKER = "python -m models.spin"


class Outcome(enum.Enum):
    """What was done with a folder."""

    WRITTEN = "written"
    CURRENT = "up to date"
    NOT_OURS = "left as it is, for it has files of your own; remove the folder to have it written"


def decide(
    found: Mapping[str, str], recorded: Mapping[str, str], made: Mapping[str, str]
) -> Outcome:
    """Decide what to do with a folder.

    Shapes: all three have digests by the files' names: of the files that were `found`, of those
            that were `recorded` when the folder was written, and of those that were `made` now.
    """
    if not found:
        return Outcome.WRITTEN
    if found != recorded:
        return Outcome.NOT_OURS
    return Outcome.CURRENT if found == made else Outcome.WRITTEN


def keep_current(folder: pathlib.Path, files: Mapping[str, bytes]) -> Outcome:
    """Write `files`, by name, unless they are there or the folder belongs to its user.

    Errors: OSError if the folder cannot be read or written.
    """
    made = {name: digest(content) for name, content in files.items()}
    recorded = _read_record(folder)
    outcome = decide(_digests_of(folder, recorded), recorded, made)
    if outcome is Outcome.WRITTEN:
        record = json.dumps({"made_by": MAKER, "sha256": made}, indent=1).encode() + b"\n"
        _replace(folder, {**files, RECORD: record})
    return outcome


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _read_record(folder: pathlib.Path) -> dict[str, str]:
    try:
        record = json.loads((folder / RECORD).read_bytes())
        return dict(record["sha256"]) if record["made_by"] == MAKER else {}
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return {}


def _digests_of(folder: pathlib.Path, recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the digests of the files in `folder`, without reading them if their names differ."""
    if not folder.exists():
        return {}
    names = {path.name for path in folder.iterdir()} - {RECORD}
    if names != set(recorded):  # the files may be of many gigabytes: they are not read then
        return dict.fromkeys(names, "")
    return {name: digest((folder / name).read_bytes()) for name in names}


def _replace(folder: pathlib.Path, files: Mapping[str, bytes]) -> None:
    """Replace `folder` by one with `files`, so that nobody ever sees only some of them."""
    new, old = (folder.with_name(f".{folder.name}.{kind}{os.getpid()}") for kind in ("new", "old"))
    try:
        new.mkdir(parents=True)
        for name, content in files.items():
            (new / name).write_bytes(content)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
