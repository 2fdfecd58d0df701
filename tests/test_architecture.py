"""The arrows: what may import what, and that a file that breaks a rule is found."""

import ast
import pathlib
import re
import sys

import pytest

from tests.architecture import (
    CHAT,
    IMPURE,
    MAX_FUNCTION_LINES,
    MAX_MODULE_LINES,
    ROOMS,
    circles,
    imported_by,
    module_of,
    room_of,
    too_long,
    wrongs_of,
)
from tests.running import ROOT

BROAD = {"", "Exception", "BaseException"}


def modules(folder: str) -> list[pathlib.Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def name_of(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


ENTRIES = [ROOT / "app.py", ROOT / "app_p3.py"]
OURS = [*ENTRIES, *modules("chat"), *modules("host")]


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_a_file_imports_what_its_room_may(path: pathlib.Path) -> None:
    assert list(wrongs_of(path, ROOT)) == []


def test_no_room_knows_one_above_it() -> None:
    assert circles() == []


def test_no_room_may_use_what_it_does_not() -> None:
    used: dict[str, set[str]] = {name: set() for name in ROOMS}
    for path in OURS:
        room = room_of(module_of(path, ROOT))
        if room is not None:
            used[room] |= {name.partition(".")[0] for name in imported_by(path)}

    assert {name: set(room.uses) - used[name] for name, room in ROOMS.items() if room.uses} == {
        name: set() for name, room in ROOMS.items() if room.uses
    }


def test_no_room_of_the_component_may_wait_or_guess_where_it_does_not() -> None:
    used: dict[str, set[str]] = {room.name: set() for room in CHAT}
    for path in OURS:
        room = room_of(module_of(path, ROOT))
        if room in used:
            used[room] |= {name.partition(".")[0] for name in imported_by(path)} & IMPURE

    assert used == {room.name: set(room.mind) for room in CHAT}


def test_every_room_is_there() -> None:
    for name in ROOMS:
        path = ROOT / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("chat/core/x.py", "from chat.context.terms import y", "chat.core does not know chat.cont"),
        ("chat/context/x.py", "import chat.settings", "chat.context does not know chat.settings"),
        (
            "chat/usecases/x.py",
            "from chat.redis import y",
            "chat.usecases does not know chat.redis",
        ),
        ("chat/redis/x.py", "from chat.chroma.y import z", "chat.redis does not know chat.chroma"),
        ("chat/http/x.py", "from chat.llm.y import z", "chat.http does not know chat.llm"),
        ("chat/spin/x.py", "from chat.wiring.y import z", "chat.spin does not know chat.wiring"),
        ("chat/wiring/x.py", "from app import y", "chat.wiring does not know app"),
        ("chat/redis/x.py", "from spin_sdk import redis", "chat.redis does not use"),
        ("chat/http/x.py", "import httpx", "chat.http does not use"),
        ("chat/core/x.py", "import time", "decides nothing twice alike"),
        ("chat/usecases/x.py", "import asyncio", "decides nothing twice alike"),
        ("chat/usecases/x.py", "def f():\n    import random", "decides nothing twice alike"),
        ("chat/context/x.py", "from ..core import errors", "chat.context does not use"),
        ("chat/more/x.py", "import re\nimport os\n", "is in no room"),
        ("chat/more.py", "import re\nimport os\n", "is in no room"),
        ("host/abi/x.py", "from host.app.y import z", "host.abi does not know host.app"),
        ("host/server/x.py", "from host.cli import y", "host.server does not know host.cli"),
        ("host/app/x.py", "from chat.core import y", "host.app does not know chat.core"),
        ("host/server/x.py", "import app", "host.server does not know app"),
        ("app.py", "import redis", "app does not use"),
    ],
)
def test_a_file_that_breaks_a_rule_is_found(
    tmp_path: pathlib.Path, file: str, text: str, problem: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

    (found,) = wrongs_of(path, tmp_path)

    assert problem in found


@pytest.mark.parametrize("path", modules("models/spin"), ids=lambda path: path.name)
def test_the_models_for_spin_are_written_with_the_standard_library(path: pathlib.Path) -> None:
    others = {name for name in imported_by(path) if not name.startswith("models.spin.")}

    assert {name.partition(".")[0] for name in others} <= set(sys.stdlib_module_names)


def test_only_the_composition_root_catches_the_errors_of_the_chat_as_answers() -> None:
    rendering = [
        name_of(path)
        for path in [*ENTRIES, *modules("chat")]
        if re.search(r"\brender_error\b", path.read_text())
    ]

    assert rendering == [
        "chat/http/own_surface.py", "chat/http/response.py", "chat/wiring/service.py"
    ]  # fmt: skip


def test_one_net_catches_what_nobody_thought_of() -> None:
    broad = {
        name_of(path): kinds
        for path in [*ENTRIES, *modules("chat")]
        if (kinds := [kind for kind in caught_in(path) if kind in BROAD])
    }

    assert broad == {"chat/wiring/net.py": ["Exception"]}


def caught_in(path: pathlib.Path) -> list[str]:
    """Return the names of the errors that a file catches or suppresses; "" for a bare `except`.

    A handler that ends with `raise` lets the error go on.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            if ast.unparse(node.body[-1]) == "raise":
                continue
            found.append(ast.unparse(node.type) if node.type else "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            found += map(ast.unparse, node.args)
    return found


@pytest.mark.parametrize("path", modules("chat"), ids=name_of)
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


def test_one_module_reads_and_writes_json() -> None:
    importing = [name_of(path) for path in modules("chat") if "json" in imported_by(path)]

    assert importing == ["chat/core/json_text.py"]
    assert "json" not in imported_by(ROOT / "app.py")


@pytest.mark.parametrize("folder", ["chat", "host", "models/spin", "tests"])
def test_no_function_is_long(folder: str) -> None:
    found = {name_of(path): too_long(path) for path in modules(folder)}

    assert {name: functions for name, functions in found.items() if functions} == {}
    assert too_long(ROOT / "app.py") == []


def test_no_module_is_long() -> None:
    lines = {name_of(path): len(path.read_text().splitlines()) for path in OURS}

    assert {name: count for name, count in lines.items() if count > MAX_MODULE_LINES} == {}


@pytest.mark.parametrize("more", [0, 1])
def test_a_function_is_long_beyond_the_most_lines(tmp_path: pathlib.Path, more: int) -> None:
    body = "    pass\n" * (MAX_FUNCTION_LINES - 1 + more)
    path = tmp_path / "x.py"
    path.write_text(f'class C:\n  def f():\n    """Do\n\n    it."""\n{body}')

    assert too_long(path) == [f"f: {MAX_FUNCTION_LINES + 1}"] * more
