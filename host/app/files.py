"""Finds the files that a component may read: `files` and `exclude_files`.

A link that leads out of the application's folder is left out.

Source: spin `crates/loader/src/local.rs`.
"""

import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence

from host.app.components import Component, Mount
from host.app.globs import InvalidGlob, compile_glob, is_glob
from host.errors import HostError
from host.wording import quoted

Found = dict[str, pathlib.Path]
OUTSIDE = "cannot be mapped because it is outside the application directory"


def find_files(component: Component, folder: pathlib.Path) -> Mapping[str, pathlib.Path]:
    """Return the files under `folder` that a component sees, by guest path without leading slash.

    A file that an entry names without a wildcard cannot be excluded.

    Errors: HostError for a source that is missing or outside `folder`.
    """
    try:
        excluded = [compile_glob(pattern) for pattern in component.exclude_files]
    except InvalidGlob as error:
        raise HostError(f"Invalid exclude_files glob pattern: {error}") from error
    found: Found = {}
    for mount in component.files:
        found |= _mounted(folder.resolve(), mount, excluded)
    return dict(sorted(found.items()))


def _mounted(folder: pathlib.Path, mount: Mount, excluded: Sequence[re.Pattern[str]]) -> Found:
    if mount.destination is not None:
        return _placed(folder, mount.source, mount.destination, excluded)
    for last, what in (("..", "parent"), (".", "current")):
        if mount.source.split("/")[-1] == last:
            raise HostError(f"A file pattern can't end in a {what} directory path ({last})")
    path = folder / mount.source
    if path.is_dir():  # Spin puts the folder's name before the paths, though they have it already
        return _globbed(folder, f"{mount.source}/**/*", folder, _normal(mount.source), excluded)
    if path.exists():
        return {_normal(mount.source): _inside(folder, path)}
    if is_glob(mount.source):
        return _globbed(folder, mount.source, folder, "", excluded)
    raise HostError(
        f"{quoted(mount.source)} does not exist and doesn't appear to be a glob pattern"
    )


def _placed(
    folder: pathlib.Path, source: str, destination: str, excluded: Sequence[re.Pattern[str]]
) -> Found:
    path, base = _inside(folder, folder / source), destination.lstrip("/")
    if path.is_dir():
        inside = path.relative_to(folder).as_posix()
        return _globbed(folder, f"{inside}/**/*", path, base, excluded)
    if not path.exists():
        raise HostError(f"File or directory {quoted(source)} does not exist")
    if destination.endswith(("/", ".")):
        raise HostError(f"{quoted(destination)} is not a valid destination file name")
    return {base: path}


def _normal(path: str) -> str:
    return str(pathlib.PurePosixPath(path))


def _inside(folder: pathlib.Path, path: pathlib.Path) -> pathlib.Path:
    resolved = path.resolve()
    if not resolved.is_relative_to(folder):
        raise HostError(f"{path} {OUTSIDE}")
    return resolved


def _globbed(
    folder: pathlib.Path,
    pattern: str,
    start: pathlib.Path,
    base: str,
    excluded: Sequence[re.Pattern[str]],
) -> Found:
    """Return the files that match `pattern`, by their paths relative to `start`, below `base`."""
    found = {}
    for path in _files(folder, pattern):
        own = path.relative_to(folder).as_posix()
        if not any(each.fullmatch(own) for each in excluded):
            found[f"{base}/{path.relative_to(start).as_posix()}".lstrip("/")] = path
    return found


def _files(folder: pathlib.Path, pattern: str) -> Iterable[pathlib.Path]:
    try:
        compile_glob(pattern)
    except InvalidGlob as error:
        raise HostError(f"Failed to resolve glob pattern {quoted(pattern)}: {error}") from error
    if pattern.startswith("/"):
        raise HostError(f"{pattern} {OUTSIDE}")
    paths = (path.resolve() for path in folder.glob(pattern))
    return [path for path in paths if path.is_file() and path.is_relative_to(folder)]
