"""A service of our own: a program that runs as a child process, and ends with the host."""

import ctypes
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import IO

from host.errors import HostError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
PR_SET_PDEATHSIG = 1


class Child:
    """A running program; `stop` ends it, with all that it was told on disk."""

    def __init__(
        self, name: str, command: Sequence[str], log: pathlib.Path, answers: Callable[[], bool]
    ) -> None:
        """Start `command` and wait until it `answers`; `log` gets what it prints.

        Errors: HostError with the end of its log if it does not.
        """
        self._name = name
        self._log = log
        with log.open("ab") as output:
            self._child = self._start(command, output)
        self._await(answers)

    def _start(self, command: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C is for the host, which stops its services last.
        # The hook runs before this process has any other thread.
        return subprocess.Popen(  # noqa: S603 - a program of our own, with a fixed command
            command,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )

    def _await(self, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self._log.read_text(errors="replace").splitlines()[-3:]
                raise HostError(f"--embedded {self._name}: it did not start: {' | '.join(tail)}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would."""
        self._child.kill()
        self._child.wait()

    def stop(self) -> None:
        """End it, and wait until it has written its files."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
