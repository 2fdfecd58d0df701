"""Keeps a model folder up to date, and never touches one that somebody else filled.

A folder that this program wrote has a record of every file in it. Once a file differs from the
record, or there is another one, the folder is its user's.
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
    """What became of a folder."""

    WRITTEN = "written"
    CURRENT = "up to date"
    NOT_OURS = "left as it is, for it has files of your own; remove the folder to have it written"


def decide(
    found: Mapping[str, str], recorded: Mapping[str, str], made: Mapping[str, str]
) -> Outcome:
    """Decide by the digests, by name, of the files found, recorded when written, and made now."""
    if not found:
        return Outcome.WRITTEN
    if found != recorded:
        return Outcome.NOT_OURS
    return Outcome.CURRENT if found == made else Outcome.WRITTEN


def keep_current(folder: pathlib.Path, files: Mapping[str, bytes]) -> Outcome:
    """Write `files`, by name, unless they are there or the folder is not ours.

    Errors: OSError where the folder cannot be read or written.
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
    """Return the digests of the files in `folder`; those of names not recorded are not computed."""
    if not folder.exists():
        return {}
    names = {path.name for path in folder.iterdir()} - {RECORD}
    if names != set(recorded):  # a model of many gigabytes, perhaps
        return dict.fromkeys(names, "")
    return {name: digest((folder / name).read_bytes()) for name in names}


def _replace(folder: pathlib.Path, files: Mapping[str, bytes]) -> None:
    """Put a folder with `files` in the place of `folder`: whoever looks there finds all or none."""
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
