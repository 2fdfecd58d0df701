"""Which route answers a path: by the host's functions, and by a host that serves."""

from collections.abc import Iterator

import pytest

from host.app.routes import Route, find_route, rank_routes
from tests.running import RunningHost, run_host

ROUTES = [
    Route("/...", "root"),
    Route("/users", "users"),
    Route("/users/...", "below"),
    Route("/users/:id", "one"),
    Route("/users/:id/edit", "edit"),
    Route("/users/me", "me"),
    Route("/twice", "first"),
    Route("/twice", "last"),
    Route("bare/", "bare"),
    Route("/star/*", "star"),
    Route("/a.b", "dotted"),
    Route("/:name.json", "json"),
]

PATHS = [
    pytest.param("/", "root", "/", {}, id="the root"),
    pytest.param("/other/a", "root", "/other/a", {}, id="what nothing else matches"),
    pytest.param("/users", "users", "", {}, id="exact before wildcard"),
    pytest.param("/users/", "users", "", {}, id="a trailing slash says nothing"),
    pytest.param("//users//", "users", "", {}, id="nor do more of them"),
    pytest.param("/users/7", "one", "", {"id": "7"}, id="a named segment"),
    pytest.param("/users/me", "me", "", {}, id="a literal before a named segment"),
    pytest.param("/users/7/edit", "edit", "", {"id": "7"}, id="text behind a named segment"),
    pytest.param("/users/7/", "one", "", {"id": "7"}, id="no slash behind a named segment"),
    pytest.param("/users/7/x/", "below", "/7/x/", {}, id="it stays in the path info"),
    pytest.param("/users//x", "below", "//x", {}, id="an empty segment"),
    pytest.param("/twice", "last", "", {}, id="the last listed of equals"),
    pytest.param("/bare", "bare", "", {}, id="a pattern with slashes elsewhere"),
    pytest.param("/star", "star", "", {}, id="a star matches nothing"),
    pytest.param("/star/a/b", "star", "/a/b", {}, id="a star matches all"),
    pytest.param("/a.b", "dotted", "", {}, id="a dot in a segment"),
    pytest.param("/x.json", "json", "", {"name": "x"}, id="a name before a dot"),
    pytest.param("/x.txt", "root", "/x.txt", {}, id="another text behind the dot"),
]


@pytest.mark.parametrize(("path", "component", "path_info", "named"), PATHS)
def test_a_path_finds_its_route(
    path: str, component: str, path_info: str, named: dict[str, str]
) -> None:
    """Source: spin `crates/routes/src/lib.rs`, routefinder 0.5."""
    match = find_route(rank_routes(ROUTES), path)

    assert match is not None
    assert (match.route.component, match.path_info, dict(match.named)) == (
        component,
        path_info,
        named,
    )


def test_a_path_without_route_finds_nothing() -> None:
    assert find_route([Route("/a", "a")], "/b") is None


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """Serve the routes, each with its own name for an answer."""
    folder = tmp_path_factory.mktemp("routes")
    triggers = [
        f'[[trigger.http]]\nroute = "{route.pattern}"\n'
        f'static_response = {{ body = "{route.component}" }}\n'
        for route in ROUTES
    ]
    manifest = folder / "spin.toml"
    manifest.write_text(
        f'spin_manifest_version = 2\n[application]\nname = "routes"\n{"".join(triggers)}'
    )
    with run_host(folder, "--from", str(manifest)) as host:
        yield host


@pytest.mark.parametrize(
    ("path", "component"), [pytest.param(*row.values[:2], id=row.id) for row in PATHS]
)
def test_a_host_answers_by_that_route(answering: RunningHost, path: str, component: str) -> None:
    assert answering.client.get(f"{answering.url}{path}").text == component
