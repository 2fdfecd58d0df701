"""The arrows: what may import what."""

import ast
import pathlib
import sys

import pytest

from tests.running import ROOT

ADAPTERS = {
    "spin.py", "spin_http.py", "spin_llm.py", "spin_serving.py", "spin_streams.py", "spin_time.py",
}  # fmt: skip
BROAD = {"", "Exception", "BaseException"}
NOT_IN_DECISIONS = {"os", "time", "random", "socket", "secrets"}


def imports(path: pathlib.Path) -> set[str]:
    """Name the modules that a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def tops(path: pathlib.Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def modules(folder: str) -> list[pathlib.Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", modules("chat"), ids=lambda path: path.name)
def test_the_guest_imports_the_standard_library_and_itself_only(path: pathlib.Path) -> None:
    allowed = set(sys.stdlib_module_names) - NOT_IN_DECISIONS | {"chat"}
    if path.name in ADAPTERS:
        allowed |= {"spin_sdk"}

    assert tops(path) <= allowed


@pytest.mark.parametrize("path", modules("host"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_host_knows_nothing_of_chats(path: pathlib.Path) -> None:
    assert not tops(path) & {"chat", "app", "models", "tests"}


@pytest.mark.parametrize("path", modules("models/spin"), ids=lambda path: path.name)
def test_the_models_for_spin_are_written_with_the_standard_library(path: pathlib.Path) -> None:
    ours = {name for name in imports(path) if name.startswith("models.spin.")}

    assert {name.partition(".")[0] for name in imports(path) - ours} <= set(sys.stdlib_module_names)


def test_only_the_composition_root_catches_the_errors_of_the_chat_as_answers() -> None:
    catching = [path.name for path in modules("chat") if "render_error(" in path.read_text()]

    assert catching == ["responses.py"]
    assert (ROOT / "app.py").read_text().count("except ChatError") == 1


def test_one_net_catches_what_nobody_thought_of() -> None:
    broad = {
        path.name: kinds
        for path in [ROOT / "app.py", *modules("chat")]
        if (kinds := [kind for kind in caught_in(path) if kind in BROAD])
    }

    assert broad == {"app.py": ["Exception"]}


def caught_in(path: pathlib.Path) -> list[str]:
    """Name what a file catches or suppresses; nothing for all of it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            found.append(ast.unparse(node.type) if node.type else "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            found += map(ast.unparse, node.args)
    return found


@pytest.mark.parametrize("path", modules("chat"), ids=lambda path: path.name)
def test_the_guest_imports_at_the_top_of_a_file_only(path: pathlib.Path) -> None:
    tree = ast.parse(path.read_text())
    inner = [
        node
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(outer)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert not inner


def test_decisions_do_not_import_adapters() -> None:
    pure = ["messages", "context", "tokens", "prompt", "errors", "ports", "requests", "settings"]
    for name in pure:
        assert not imports(ROOT / "chat" / f"{name}.py") & {
            "chat.redis_store",
            "chat.spin",
            "chat.spin_http",
        }


def test_one_module_reads_and_writes_json() -> None:
    importing = [path.name for path in modules("chat") if "json" in imports(path)]

    assert importing == ["json_text.py"]
    assert "json" not in imports(ROOT / "app.py")
