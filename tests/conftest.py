"""The real parts, started once and shared."""

import pathlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import hypothesis
import pytest

from tests.portioned import THOROUGH
from tests.running import (
    ROOT,
    SPIN,
    ModelEndpoint,
    RunningChroma,
    RunningHost,
    RunningRedis,
    free_port,
    remote_config,
    run_host,
    run_model_endpoint,
)

PROBE = ROOT / "tests" / "guests" / "probe"
PROBE_P3 = ROOT / "tests" / "guests" / "probe_p3"
LONG_PARTS = {
    "wasm", "probe_wasm", "probe_p3_wasm", "shared_chroma", "own_chroma", "own_redis", "models",
    "guarded",
}  # fmt: skip
"""Fixtures that compile a component or start what takes seconds."""
LONG_PARAMETERS = {"chroma"}
"""Values of parameters that make a test ask for such a fixture while it runs."""

# The time limit of one example is off: how long it takes says how busy the machine is.
hypothesis.settings.register_profile("usual", deadline=None, max_examples=100, print_blob=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile("thorough" if THOROUGH else "usual")


def is_long(item: pytest.Item) -> bool:
    """Whether a test needs one of the parts that take seconds to start."""
    call = getattr(item, "callspec", None)
    parameters = {str(value) for value in call.params.values()} if call else set()
    needs = set(getattr(item, "fixturenames", ()))
    return bool(needs & LONG_PARTS or parameters & LONG_PARAMETERS)


@pytest.hookimpl(tryfirst=True)  # before -m reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what holds on the other host only, with its reason; mark what is long."""
    other = "own_host" if SPIN else "spin"
    for item in items:
        for marker in item.iter_markers(other):
            item.add_marker(pytest.mark.skip(reason=marker.args[0]))
        if is_long(item):
            item.add_marker("long")


@dataclass(frozen=True)
class Build:
    """How a component is made: for which world, by the compiler of which environment."""

    world: str
    environment: pathlib.Path
    requirements: str


P2 = Build("spin-http", pathlib.Path(sys.prefix), "requirements.txt")
P3 = Build("spin:up/http-trigger@4.0.0", ROOT / ".venv-p3", "requirements-p3.txt")


def componentize(
    folder: pathlib.Path, sources: list[pathlib.Path], build: Build = P2
) -> pathlib.Path:
    """Build `folder`'s app.wasm if a file in `sources` is newer; make and `spin build` do the same.

    Return its path.
    """
    wasm = folder / "app.wasm"
    files = [file for source in sources for file in [source, *source.rglob("*.*")]]
    newest = max(file.stat().st_mtime for file in files if file.suffix not in {".pyc", ""})
    if wasm.exists() and wasm.stat().st_mtime > newest:
        return wasm
    what = [build.world, "app", "app.wasm", build.requirements, *map(str, sources)]
    subprocess.run(
        ["sh", ROOT / "build.sh", *what],
        cwd=folder,
        env={
            "VIRTUAL_ENV": str(build.environment),
            "PATH": f"{build.environment / 'bin'}:/usr/bin:/bin",
        },
        check=True,
        capture_output=True,
    )
    return wasm


@pytest.fixture(scope="session")
def wasm() -> pathlib.Path:
    return componentize(ROOT, [ROOT / "app.py", ROOT / "chat", ROOT / "web"])


@pytest.fixture(scope="session")
def probe_wasm() -> pathlib.Path:
    return componentize(PROBE, [*PROBE.glob("*.py")])


@pytest.fixture(scope="session")
def probe_p3_wasm() -> pathlib.Path:
    return componentize(PROBE_P3, [PROBE_P3 / "app.py", ROOT / "chat"], P3)


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRedis]:
    redis = RunningRedis(free_port(), tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(scope="session")
def shared_chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChroma]:
    chroma = RunningChroma(free_port(), tmp_path_factory.mktemp("chroma"))
    chroma.start()
    yield chroma
    chroma.stop()


@pytest.fixture
def own_redis(tmp_path: pathlib.Path) -> Iterator[RunningRedis]:
    """Start a Redis that a test may kill."""
    redis = RunningRedis(free_port(), tmp_path / "own-redis")
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture
def own_chroma(tmp_path: pathlib.Path) -> Iterator[RunningChroma]:
    """Start a Chroma that a test may kill."""
    chroma = RunningChroma(free_port(), tmp_path / "own-chroma")
    chroma.start()
    yield chroma
    chroma.stop()


@pytest.fixture(scope="session")
def shared_endpoint() -> Iterator[ModelEndpoint]:
    with run_model_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(shared_endpoint: ModelEndpoint) -> ModelEndpoint:
    """Yield the shared endpoint as new."""
    shared_endpoint.asked.clear()
    shared_endpoint.answer = ModelEndpoint.answer
    return shared_endpoint


@pytest.fixture(scope="session")
def demo_chat(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    """Run the chat with the demo model."""
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("demo-chat")
    address = f"redis_address={shared_redis.address}"
    with run_host(
        folder, "--runtime-config-file", "runtime-config.toml", "--variable", address
    ) as host:
        yield host


@pytest.fixture(scope="session")
def remote_chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    """Run the chat with a model behind Spin's default remote API: the test's endpoint."""
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("remote-chat")
    config = remote_config(folder, shared_endpoint.url)
    address = f"redis_address={shared_redis.address}"
    with run_host(folder, "--runtime-config-file", config, "--variable", address) as host:
        yield host
