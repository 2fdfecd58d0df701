"""Serves models in a process of their own."""

import contextlib
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping

from host.services.child import Child

SERVING = re.compile(r"^Serving models at (\S+)$", re.MULTILINE)


@contextlib.contextmanager
def served_models(models: Mapping[str, pathlib.Path], log: pathlib.Path) -> Iterator[str]:
    """Serve the files of models by name, and the embedding model; yield the address.

    Without any, the demo model is served. The process prints to `log`.
    Errors: HostError.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    given = [part for name, path in models.items() for part in ("--model", f"{name}={path}")]
    command = [sys.executable, "-m", "host", "model", "--listen", "127.0.0.1:0", *given]
    child = Child("model", command, log, lambda: bool(SERVING.search(log.read_text())))
    try:
        yield SERVING.findall(log.read_text())[-1]
    finally:
        child.stop()
