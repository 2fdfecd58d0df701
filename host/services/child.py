"""Runs a service as a child process that ends when the host ends."""

import os
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

from host.errors import HostError
from host.terminal import say

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
FIRST_PAUSE_S, MAX_PAUSE_S = 1.0, 30.0
HEALTHY_S = 60.0
"""A service that ran this long before it ended is started again after the first, short pause."""
END_WITH_PARENT = """
import ctypes, os, signal, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == parent:
    os.execv(command[0], command)
"""
"""A program that runs a command which gets SIGTERM when its parent dies; 1 is PR_SET_PDEATHSIG.

It is a program of its own because calling prctl between fork and exec is not safe in a process with
threads.
"""


class Child:
    """A running program; `stop` lets it write its files before it ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: pathlib.Path,
        answers: Callable[[], bool],
        *,
        inherited: Sequence[int] = (),
    ) -> None:
        """Start `command` and wait until it `answers`; its output goes to `log`.

        Shapes: `inherited` are file descriptors that the program keeps open.
        Errors: HostError with the end of the log if the program does not answer.
        """
        self._name = name
        self._log = log
        with log.open("ab") as output:
            self._child = self._start(command, output, inherited)
        self.pid = self._child.pid
        self._await(answers)

    def _start(
        self, command: Sequence[str], output: IO[bytes], inherited: Sequence[int]
    ) -> subprocess.Popen[bytes]:
        # In a session of its own it does not get Ctrl-C: the host stops its services itself, last
        return subprocess.Popen(  # noqa: S603 - a program of our own, with a fixed command
            [sys.executable, "-I", "-c", END_WITH_PARENT, str(os.getpid()), *command],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=inherited,
        )

    def _await(self, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self._log.read_text(errors="replace").splitlines()[-3:]
                raise HostError(f"--embedded {self._name}: it did not start: {' | '.join(tail)}")
            time.sleep(0.02)

    def wait(self) -> int:
        """Wait until the program ends, and return its exit code."""
        return self._child.wait()

    def kill(self) -> None:
        """End the program at once, as a crash would."""
        self._child.kill()
        self._child.wait()

    def stop(self) -> None:
        """End the program, and wait until it has written its files."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()


class KeptRunning:
    """A service that is started again when it ends by itself, after longer and longer pauses."""

    def __init__(self, name: str, start: Callable[[], Child]) -> None:
        """Start the service for the first time.

        Errors: HostError.
        """
        self._name = name
        self._start = start
        self._is_stopping = threading.Event()
        self._child = start()
        self._watcher = threading.Thread(target=self._watch, name=f"watch {name}", daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        pause_s, begun = FIRST_PAUSE_S, time.monotonic()
        while True:
            code = self._child.wait()
            if self._is_stopping.is_set():
                return
            if time.monotonic() - begun > HEALTHY_S:
                pause_s = FIRST_PAUSE_S
            say(f"The embedded {self._name} ended (exit code {code}).")
            while not self._start_again(pause_s):
                pause_s = min(2 * pause_s, MAX_PAUSE_S)
                if self._is_stopping.is_set():
                    return
            pause_s, begun = min(2 * pause_s, MAX_PAUSE_S), time.monotonic()

    def _start_again(self, pause_s: float) -> bool:
        """Start the service after a pause; return whether it runs."""
        say(f"It is started again in {pause_s:.0f} s, with all that it has kept.")
        if self._is_stopping.wait(pause_s):
            return False
        try:
            self._child = self._start()
        except HostError as error:
            say(f"Error: {error}")
            return False
        say(f"The embedded {self._name} runs again.")
        return True

    def stop(self) -> None:
        """End the service, and do not start it again."""
        self._is_stopping.set()
        self._child.stop()
        self._watcher.join(START_TIMEOUT_S)
        self._child.stop()  # the watcher may have started another one meanwhile
