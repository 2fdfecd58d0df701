"""The real parts, started once and shared: each worker of a run has its own."""

import pathlib
from collections.abc import Iterator

import hypothesis
import pytest

from tests.building import P2, P3, component
from tests.clusters import RunningCluster, run_cluster
from tests.event_loops import make_callable
from tests.portioned import THOROUGH
from tests.running import (
    BUILD,
    IN_CLUSTER,
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
    "guarded", "shared_cluster", "own_cluster", "sentinels",
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
    """Skip what holds on the other host only, with its reason; mark what is long.

    Asynchronous tests are made callable.
    """
    is_p3 = bool(SPIN) and BUILD == "p3"
    others = ["own_host" if SPIN else "spin", "preview_2" if is_p3 else "preview_3"]
    others += ["one_server"] if IN_CLUSTER else []
    for item in items:
        make_callable(item)
        for marker in (marker for other in others for marker in item.iter_markers(other)):
            item.add_marker(pytest.mark.skip(reason=marker.args[0]))
        if is_long(item):
            item.add_marker("long")


@pytest.fixture(scope="session")
def wasm(request: pytest.FixtureRequest) -> pathlib.Path:
    """Build the chat's component; with BUILD=p3, that for Preview 3."""
    if BUILD == "p3":
        path: pathlib.Path = request.getfixturevalue("p3_wasm")
        return path
    return component(ROOT / "app.wasm", P2, "app", ["app.py", "chat", "web"])


@pytest.fixture(scope="session")
def p3_wasm() -> pathlib.Path:
    return component(ROOT / "app-p3.wasm", P3, "app_p3", ["app_p3.py", "chat", "web"])


@pytest.fixture(scope="session")
def probe_wasm() -> pathlib.Path:
    modules = sorted(path.name for path in PROBE.glob("*.py"))
    return component(PROBE / "app.wasm", P2, "app", modules)


@pytest.fixture(scope="session")
def probe_p3_wasm() -> pathlib.Path:
    return component(PROBE_P3 / "app.wasm", P3, "app", ["app.py", "../../../chat", "../../../web"])


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRedis]:
    redis = RunningRedis(free_port(), tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    with run_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def own_cluster(tmp_path: pathlib.Path) -> Iterator[RunningCluster]:
    """Start a cluster whose nodes a test may kill."""
    with run_cluster(tmp_path / "own-cluster") as cluster:
        yield cluster


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
