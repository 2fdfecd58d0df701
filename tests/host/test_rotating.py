"""The files of a log are begun anew when they are full, also by several processes at once."""

import pathlib
import subprocess
import sys

from host.interfaces.rotating import OLD, RotatingFile
from tests.running import ROOT

LINE = b"%05d " + b"x" * 93 + b"\n"
PROCESSES, LINES = 4, 200
WRITER = """
import pathlib, sys
from host.interfaces.rotating import RotatingFile
file = RotatingFile(pathlib.Path(sys.argv[1]), max_bytes=50_000)
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    file.write(b"%05d " % number + b"x" * 93 + b"\\n")
"""


def test_a_full_file_is_kept_and_the_oldest_is_dropped(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "folder" / "log.txt"
    file = RotatingFile(path, max_bytes=250)

    for number in range(11):
        file.write(LINE % number)
    file.write(b"y" * 1000)
    file.write(LINE % 12)
    file.close()

    kept = [path, *(path.with_name(f"log.txt.{number}") for number in range(1, OLD + 1))]
    firsts = [one.read_bytes()[:5] for one in kept]
    assert firsts == [b"00012", b"yyyyy", b"00010", b"00008"]
    assert len(list(path.parent.glob("log.txt*"))) == 1 + OLD


def test_it_goes_on_where_it_ended(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.txt"
    for number in range(3):
        file = RotatingFile(path, max_bytes=250)
        file.write(LINE % number)
        file.close()

    assert path.read_bytes() == LINE % 2
    assert path.with_name("log.txt.1").read_bytes() == LINE % 0 + LINE % 1


def test_processes_that_write_at_once_lose_no_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.txt"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(part * LINES), str((part + 1) * LINES)],
            cwd=ROOT,
        )
        for part in range(PROCESSES)
    ]

    assert [writer.wait(60) for writer in writers] == [0] * PROCESSES

    lines = [
        line for one in tmp_path.glob("log.txt*") for line in one.read_bytes().splitlines(True)
    ]
    assert sorted(lines) == [LINE % number for number in range(PROCESSES * LINES)]
