"""`wasi:cli`: environment, standard streams, exit."""

from collections.abc import Mapping

from host.abi.instance import Instance
from host.abi.values import Err, Ok
from host.errors import Trap
from host.interfaces.logs import GuestLog
from host.interfaces.wasi.io import BytesInput


class Cli:
    """All of `wasi:cli` for one instance; a component has no terminal and no input."""

    def __init__(
        self,
        environment: Mapping[str, str],
        stdout: GuestLog,
        stderr: GuestLog,
        instance: Instance,
    ) -> None:
        self._environment = environment
        self._stdout, self._stderr = stdout, stderr
        self._table = instance.table

    def get_environment(self) -> list[tuple[str, str]]:
        """Return the variables of `environment` and `--env`, and none of the host's own."""
        return list(self._environment.items())

    def get_arguments(self) -> list[str]:
        return []

    def initial_cwd(self) -> None:
        """Return None, because a component has no working directory."""

    def exit(self, status: Ok | Err) -> None:
        """End the instance; an HTTP component has no other use for `exit`."""
        raise Trap(f"the component called exit({'ok' if isinstance(status, Ok) else 'error'})")

    def get_stdin(self) -> int:
        """Return an empty stream."""
        return self._table.push(BytesInput())

    def get_stdout(self) -> int:
        return self._table.push(_Borrowed(self._stdout))

    def get_stderr(self) -> int:
        return self._table.push(_Borrowed(self._stderr))

    def get_terminal_stdin(self) -> None:
        """Return None, because a component has no terminal."""

    get_terminal_stdout = get_terminal_stdin
    get_terminal_stderr = get_terminal_stdin


class _Borrowed:
    """An output stream to a log; the log stays open when the guest drops its handle."""

    def __init__(self, log: GuestLog) -> None:
        self._log = log

    def check(self) -> None:
        """Do nothing, as a log is always open."""

    def write(self, data: bytes) -> None:
        self._log.write(data)
