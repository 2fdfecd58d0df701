"""Starts a real Prometheus with the project's configuration, and asks it."""

import contextlib
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest
import yaml

from host.services.child import Child
from tests.running import NO_TLS, ROOT, RunningHost, free_port

FOLDER = ROOT / "deploy" / "prometheus"
PATIENCE_S = 60.0
PROGRAM = shutil.which("prometheus")
NEEDS_PROMETHEUS = pytest.mark.skipif(
    not PROGRAM or not shutil.which("promtool"),
    reason="prometheus and promtool (Debian's prometheus) are absent",
)


def write_config(
    folder: pathlib.Path, hosts: Sequence[RunningHost], token: str, *, interval_s: int = 1
) -> pathlib.Path:
    """Write the project's configuration for these hosts, with scrapes in quick succession."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    secret = folder / "admin_token"
    secret.write_text(token)
    config["global"] = dict.fromkeys(config["global"], f"{interval_s}s")
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    (scrape,) = config["scrape_configs"]
    scrape["authorization"]["credentials_file"] = str(secret)
    scrape["static_configs"][0]["targets"] = [host.url.removeprefix("http://") for host in hosts]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


class Prometheus:
    """A running Prometheus."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = self._client.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def value(self, expression: str) -> float | None:
        """Return the one value of an expression; None if it has none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def await_value(self, expression: str, fits: Callable[[float], bool]) -> float:
        """Wait until an expression has a value that fits."""
        ends = time.monotonic() + PATIENCE_S
        while (value := self.value(expression)) is None or not fits(value):
            assert time.monotonic() < ends, (expression, value)
            time.sleep(0.5)
        return value


@contextlib.contextmanager
def run_prometheus(folder: pathlib.Path, config: pathlib.Path) -> Iterator[Prometheus]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, trust_env=False, verify=NO_TLS) as client:

        def is_ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return client.get("/-/ready").status_code == 200
            return False

        command = [
            str(PROGRAM), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
        ]  # fmt: skip
        child = Child("prometheus", command, folder / "prometheus.log", is_ready)
        try:
            yield Prometheus(client)
        finally:
            child.stop()
