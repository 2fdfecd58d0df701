"""Finds the files that a component may read: `files` and `exclude_files`.

Source: spin `crates/loader/src/local.rs`.
"""

import glob
import pathlib
from collections.abc import Mapping

from host.errors import HostError
from host.manifest import Component, Mount


def find_files(component: Component, folder: pathlib.Path) -> Mapping[str, pathlib.Path]:
    """Map guest paths, without their leading slash, to the files under `folder`.

    Errors: HostError for a source that is missing or outside `folder`.
    """
    excluded = {path for pattern in component.exclude_files for path in _glob(folder, pattern)}
    found: dict[str, pathlib.Path] = {}
    for mount in component.files:
        found |= _mounted(folder, mount)
    return {guest: path for guest, path in sorted(found.items()) if path not in excluded}


def _mounted(folder: pathlib.Path, mount: Mount) -> dict[str, pathlib.Path]:
    if mount.destination is not None:
        source = (folder / mount.source).resolve()
        if not source.is_dir() or not source.is_relative_to(folder):
            raise HostError(f"files: {mount.source} is no folder of the application")
        base = mount.destination.strip("/")
        inside = (path for path in source.rglob("*") if path.is_file())
        return {
            f"{base}/{path.relative_to(source).as_posix()}".lstrip("/"): path for path in inside
        }
    if not glob.has_magic(mount.source):
        path = (folder / mount.source).resolve()
        if path.is_dir():
            raise HostError(
                f"files: {mount.source} is a folder; write {mount.source}/**/*, or a destination"
            )
        if not path.is_file() or not path.is_relative_to(folder):
            raise HostError(f"files: {mount.source} is no file of the application")
        return {path.relative_to(folder).as_posix(): path}
    return {path.relative_to(folder).as_posix(): path for path in _glob(folder, mount.source)}


def _glob(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    paths = (path.resolve() for path in folder.glob(pattern))
    return [path for path in paths if path.is_file() and path.is_relative_to(folder)]
