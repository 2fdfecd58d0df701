"""Which files a component sees. Every row was tried on Spin 4.0.2."""

import pathlib

import pytest

from host.app.files import find_files
from host.app.manifest import parse_manifest
from tests.host.manifest_rows import component

FILES = ["data/a.txt", "data/secret.txt", "data/.dot", "data/deep/b.txt", "data/deep/.hid/c"]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    for file in FILES:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    return tmp_path


def seen(folder: pathlib.Path, files: str, exclude: str = "[]") -> list[str]:
    text = component(f"files = {files}\nexclude_files = {exclude}")
    return list(find_files(parse_manifest(text, "spin.toml", folder).components["c"], folder))


@pytest.mark.parametrize(
    ("files", "exclude", "left"),
    [
        pytest.param('["data/**/*"]', "[]", FILES, id="everything below"),
        pytest.param('["data/*"]', "[]", FILES[:3], id="a star stays in its folder"),
        pytest.param('["data/?.txt", "data/[!a]*.txt"]', "[]", FILES[:2], id="other signs"),
        pytest.param('["data/**/*"]', '["*.txt"]', FILES[2::2], id="excluded: a star goes deeper"),
        pytest.param('["data/**/*"]', '["data/**/*.txt"]', FILES[2::2], id="excluded below"),
        pytest.param('["data/**/*"]', '["data/deep/**"]', FILES[:3], id="an excluded folder"),
        pytest.param('["data/**/*"]', '["b.txt"]', FILES, id="excluded: the whole path counts"),
        pytest.param('["data/a.txt"]', '["data/*"]', FILES[:1], id="a named file stays"),
        pytest.param('["./data/a.txt"]', "[]", FILES[:1], id="a path that starts here"),
        pytest.param('["../*"]', "[]", [], id="nothing from outside"),
    ],
)
def test_files_are_those_that_match_and_are_not_excluded(
    folder: pathlib.Path, files: str, exclude: str, left: list[str]
) -> None:
    assert seen(folder, files, exclude) == sorted(left)


@pytest.mark.parametrize(
    ("files", "guest"),
    [
        pytest.param('[{ source = "data", destination = "/m" }]', "m/deep/b.txt", id="a folder"),
        pytest.param('[{ source = "data", destination = "/" }]', "deep/b.txt", id="at the root"),
        pytest.param(
            '[{ source = "data/deep/b.txt", destination = "m/x" }]', "m/x", id="a single file"
        ),
        pytest.param('["data"]', "data/data/deep/b.txt", id="a folder's name comes twice"),
    ],
)
def test_files_are_where_they_are_placed(folder: pathlib.Path, files: str, guest: str) -> None:
    assert guest in seen(folder, files)


def test_a_link_to_the_outside_shows_nothing(folder: pathlib.Path) -> None:
    (folder / "data" / "link").symlink_to("/etc")

    assert seen(folder, '["data/**/*"]') == sorted(FILES)
