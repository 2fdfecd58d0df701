"""Workers that want a component at the same time build it once."""

import os
import pathlib
import time
from concurrent.futures import ThreadPoolExecutor

from tests.building import build_once

WORKERS = 4


def test_workers_that_want_a_component_at_once_build_it_once_and_find_it_whole(
    tmp_path: pathlib.Path,
) -> None:
    source, wasm = tmp_path / "app.py", tmp_path / "app.wasm"
    source.write_text("x = 1")
    os.utime(source, (1, 1))
    built: list[pathlib.Path] = []

    def build(path: pathlib.Path) -> None:
        built.append(path)
        with path.open("w") as out:
            out.write("half ")
            out.flush()
            time.sleep(0.1)
            out.write("and half")

    def want(_: int) -> str:
        build_once(wasm, [source], build)
        return wasm.read_text()

    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(want, range(WORKERS)))

    assert found == ["half and half"] * WORKERS
    assert len(built) == 1
    assert list(tmp_path.glob("*.wasm")) == [wasm]


def test_a_component_is_built_anew_when_a_source_is_newer(tmp_path: pathlib.Path) -> None:
    source, other, wasm = (tmp_path / name for name in ("app.py", "other.py", "app.wasm"))
    for path in (source, other, wasm):
        path.write_text("old")
        os.utime(path, (1, 1))
    os.utime(wasm, (2, 2))

    def build(path: pathlib.Path) -> None:
        path.write_text("new")

    build_once(wasm, [source, other], build)
    assert wasm.read_text() == "old"
    os.utime(other, (3, 3))
    build_once(wasm, [source, other], build)
    assert wasm.read_text() == "new"
