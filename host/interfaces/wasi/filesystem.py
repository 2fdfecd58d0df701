"""`wasi:filesystem`: the component's `files`, read-only, under one preopened `/`.

Source: WASI 0.2.0 `wit/filesystem`, wasmtime `crates/wasi/src/filesystem.rs`.
"""

import pathlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from host.abi.instance import Instance
from host.abi.values import Err
from host.interfaces.wasi.io import BytesInput

NOT_PERMITTED = Err("not-permitted")
"""The error for changing a file, and for a path that leads out of its folder."""
NO_ENTRY = Err("no-entry")
NOT_DIRECTORY = Err("not-directory")


@dataclass(frozen=True)
class Folder:
    """A folder: a prefix of guest paths, "" for the root."""

    path: str


@dataclass(frozen=True)
class File:
    """A file: its path in the guest, and its path on the host."""

    path: str
    source: pathlib.Path


Descriptor = Folder | File


class Filesystem:
    """`wasi:filesystem/types` and `/preopens` for one instance."""

    def __init__(self, files: Mapping[str, pathlib.Path], instance: Instance) -> None:
        self._files = files
        self._table = instance.table

    def get_directories(self) -> list[tuple[int, str]]:
        """Return the root, or nothing if the component has no files."""
        return [(self._table.push(Folder("")), "/")] if self._files else []

    def filesystem_error_code(self, _error: int) -> None:
        """Return None, because streams of files do not fail."""

    def _find(self, folder: int, path: str) -> Descriptor | Err:
        """Follow `path` from an open folder, which no part of the path may leave."""
        if path.startswith("/"):
            return NOT_PERMITTED
        found: list[Descriptor] = [self._table.get(folder)]
        for name in path.split("/"):
            if isinstance(found[-1], File):
                return NOT_DIRECTORY
            if name == "..":
                found.pop()
                if not found:
                    return NOT_PERMITTED
            elif name not in {"", "."}:
                inner = self._inside(found[-1], name)
                if isinstance(inner, Err):
                    return inner
                found.append(inner)
        return found[-1]

    def _inside(self, folder: Folder, name: str) -> Descriptor | Err:
        path = f"{folder.path}/{name}" if folder.path else name
        if path in self._files:
            return File(path, self._files[path])
        is_folder = any(known.startswith(f"{path}/") for known in self._files)
        return Folder(path) if is_folder else NO_ENTRY

    def descriptor_open_at(
        self,
        folder: int,
        _follow: frozenset[str],
        path: str,
        how: frozenset[str],
        flags: frozenset[str],
    ) -> int | Err:
        """Open a file or folder, for reading only."""
        if "create" in how or "truncate" in how or "write" in flags:
            return NOT_PERMITTED
        found = self._find(folder, path)
        if isinstance(found, Err):
            return found
        if "directory" in how and isinstance(found, File):
            return NOT_DIRECTORY
        return self._table.push(found)

    def descriptor_stat(self, descriptor: int) -> dict[str, object]:
        """Describe an open file or folder."""
        return _stat(self._table.get(descriptor))

    def descriptor_stat_at(
        self, folder: int, _follow: frozenset[str], path: str
    ) -> dict[str, object] | Err:
        """Describe a file or folder by path."""
        found = self._find(folder, path)
        return found if isinstance(found, Err) else _stat(found)

    def descriptor_get_type(self, descriptor: int) -> str:
        """Return whether it is a file or a folder."""
        return _type(self._table.get(descriptor))

    def descriptor_get_flags(self, _descriptor: int) -> frozenset[str]:
        """Return that it can only be read."""
        return frozenset({"read"})

    def descriptor_read(
        self, descriptor: int, length: int, offset: int
    ) -> tuple[bytes, bool] | Err:
        """Return up to `length` bytes from `offset`, and whether the end was reached."""
        found = self._table.get(descriptor)
        if isinstance(found, Folder):
            return Err("is-directory")
        with found.source.open("rb") as file:
            file.seek(offset)
            data = file.read(min(length, found.source.stat().st_size))
        return data, offset + len(data) >= found.source.stat().st_size

    def descriptor_read_via_stream(self, descriptor: int, offset: int) -> int | Err:
        """Return a stream over the file from `offset`."""
        found = self._table.get(descriptor)
        if isinstance(found, Folder):
            return Err("is-directory")
        return self._table.push(BytesInput(found.source.read_bytes()[offset:]))

    def descriptor_read_directory(self, descriptor: int) -> int | Err:
        """Return a stream of the folder's entries."""
        found = self._table.get(descriptor)
        if isinstance(found, File):
            return NOT_DIRECTORY
        return self._table.push(self._entries(found))

    def _entries(self, folder: Folder) -> Iterator[dict[str, str]]:
        prefix = f"{folder.path}/" if folder.path else ""
        inside = (name.removeprefix(prefix) for name in self._files if name.startswith(prefix))
        kinds = {
            name.partition("/")[0]: "directory" if "/" in name else "regular-file"
            for name in inside
        }
        return ({"type": kind, "name": name} for name, kind in kinds.items())

    def directory_entry_stream_read_directory_entry(self, stream: int) -> dict[str, str] | None:
        """Return the next entry; None after the last one."""
        entry: dict[str, str] | None = next(self._table.get(stream), None)
        return entry

    def descriptor_is_same_object(self, one: int, other: int) -> bool:
        """Whether both are the same file or folder."""
        return bool(self._table.get(one) == self._table.get(other))

    def descriptor_metadata_hash(self, descriptor: int) -> dict[str, int]:
        """Return a number by which the file is told from others."""
        return _hash(self._table.get(descriptor))

    def descriptor_metadata_hash_at(
        self, folder: int, _follow: frozenset[str], path: str
    ) -> dict[str, int] | Err:
        """Return a number by which the file at `path` is told from others."""
        found = self._find(folder, path)
        return found if isinstance(found, Err) else _hash(found)

    def descriptor_advise(self, *_: object) -> None:
        """Ignore the advice."""

    def _refuse(self, *_: object) -> Err:
        return NOT_PERMITTED

    descriptor_write = descriptor_set_size = descriptor_set_times = descriptor_set_times_at = (
        _refuse
    )
    descriptor_write_via_stream = descriptor_append_via_stream = _refuse
    descriptor_create_directory_at = descriptor_remove_directory_at = descriptor_unlink_file_at = (
        _refuse
    )
    descriptor_link_at = descriptor_rename_at = descriptor_symlink_at = _refuse


def _type(found: Descriptor) -> str:
    return "directory" if isinstance(found, Folder) else "regular-file"


def _stat(found: Descriptor) -> dict[str, object]:
    size = found.source.stat().st_size if isinstance(found, File) else 0
    return {
        "type": _type(found),
        "link-count": 1,
        "size": size,
        "data-access-timestamp": None,
        "data-modification-timestamp": None,
        "status-change-timestamp": None,
    }


def _hash(found: Descriptor) -> dict[str, int]:
    return {"lower": zlib.crc32(found.path.encode()), "upper": 0}
