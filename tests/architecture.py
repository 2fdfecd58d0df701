"""The rooms and what each may import: a table, and functions that find the files that break it."""

import ast
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

OUTSIDE = "outside"
"""The name for a package that is neither this project's nor the standard library's."""
STDLIB = set(sys.stdlib_module_names)
IMPURE = frozenset({"os", "time", "random", "socket", "secrets", "threading", "asyncio"})
"""The modules that a decision may not import: they wait, or return another value at each call."""

MAX_FUNCTION_LINES, MAX_MODULE_LINES = 40, 300


@dataclass(frozen=True)
class Room:
    """A folder, or a file beside folders, and what it may import.

    `knows` are other rooms; `uses` are packages of others, and `mind` the impure modules that it
    needs.
    """

    name: str
    knows: Sequence[str] = ()
    uses: Sequence[str] = ()
    mind: frozenset[str] = frozenset()


CORE = "chat.core"
DECIDING = (CORE, "chat.context", "chat.settings", "chat.usecases")
ADAPTERS = ("chat.redis", "chat.chroma", "chat.llm", "chat.http")
CHAT = (
    Room(CORE),
    Room("chat.context", [CORE]),
    Room("chat.settings", [CORE, "chat.context"]),
    Room("chat.usecases", DECIDING[:3]),
    *(Room(adapter, DECIDING) for adapter in ADAPTERS),
    Room("chat.openai_api", [*DECIDING, "chat.http"]),
    Room("chat.mcp", [*DECIDING, "chat.http"]),
    Room(
        "chat.spin", [*DECIDING, *ADAPTERS],
        ["spin_sdk", "componentize_py_types", "componentize_py_async_support"],
        mind=frozenset({"asyncio", "time"}),
    ),
    Room(
        "chat.wiring", [*DECIDING, *ADAPTERS, "chat.openai_api", "chat.mcp", "chat.spin"],
        mind=frozenset({"time", "secrets"}),
    ),
    Room(
        "app", [*DECIDING, *ADAPTERS, "chat.spin", "chat.wiring"], ["spin_sdk"],
        mind=frozenset({"time"}),
    ),
    Room(
        "app_p3", [*DECIDING, *ADAPTERS, "chat.spin", "chat.wiring"],
        ["spin_sdk", "componentize_py_async_support"], mind=frozenset({"time"}),
    ),
)  # fmt: skip
"""The component, the lowest room first: a room knows only rooms before it."""

WORDS = ("host.errors", "host.terminal", "host.wording", "host.flags")
BELOW_SERVER = (*WORDS, "host.abi", "host.app", "host.engines", "host.interfaces")
BELOW_CLI = (*BELOW_SERVER, "host.services", "host.server")
HOST = (
    *(Room(name, WORDS[:place], mind=IMPURE) for place, name in enumerate(WORDS)),
    Room("host.abi", WORDS, ["wasmtime"], IMPURE),
    Room("host.app", [*WORDS, "host.abi"], ["idna"], IMPURE),
    Room(
        "host.engines", [*WORDS, "host.app"],
        ["httpx", "xllamacpp", "numpy", "safetensors", "tokenizers"], IMPURE,
    ),
    Room("host.interfaces", BELOW_SERVER[:-1], ["httpx", "h11"], IMPURE),
    Room("host.services", WORDS, ["httpx"], IMPURE),
    Room("host.server", BELOW_SERVER, ["uvicorn", "httpx", "wasmtime"], IMPURE),
    Room("host.model", [*BELOW_SERVER, "host.server"], mind=IMPURE),
    Room("host.start_checks", [*WORDS, "host.app"]),
    Room("host.real_model", [*WORDS, "host.services"], ["httpx"], IMPURE),
    Room("host.on_spin", [*WORDS, "host.services"], mind=IMPURE),
    Room("host.up_flags", BELOW_CLI, mind=IMPURE),
    Room(
        "host.cli",
        [
            *BELOW_CLI, "host.model", "host.start_checks", "host.real_model", "host.on_spin",
            "host.up_flags",
        ],
        mind=IMPURE,
    ),
    Room("host.__main__", ["host.cli"]),
)  # fmt: skip
ROOMS: Mapping[str, Room] = {room.name: room for room in (*CHAT, *HOST)}


def room_of(module: str) -> str | None:
    """Return the name of the room that a module is in; None for a module of others."""
    parts = module.split(".")
    for name in (".".join(parts[:2]), parts[0]):
        if name in ROOMS:
            return name
    return None


def module_of(path: pathlib.Path, root: pathlib.Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported_by(path: pathlib.Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def wrongs_of(path: pathlib.Path, root: pathlib.Path) -> Iterator[str]:
    """Yield a sentence for each rule that a file breaks."""
    module = module_of(path, root)
    own = room_of(module)
    if own is None:
        if path.read_text().count("\n") > 1:
            yield f"{module} is in no room"
        return
    room = ROOMS[own]
    for name in imported_by(path):
        top, other = name.partition(".")[0], room_of(name)
        if other is not None:
            if other not in (own, *room.knows):
                yield f"{module} imports {name}, and {own} does not know {other}"
        elif top in STDLIB:
            if top in IMPURE - room.mind:
                yield f"{module} imports {top}, which decides nothing twice alike"
        elif top not in room.uses:
            yield f"{module} imports {name}, which {own} does not use"


def circles() -> list[str]:
    """Return the rooms that know a room which does not stand before them."""
    names = list(ROOMS)
    return [
        room.name
        for place, room in enumerate(ROOMS.values())
        if not set(room.knows) <= set(names[:place])
    ]


def too_long(path: pathlib.Path) -> list[str]:
    """Return the functions of a file that have more lines than a function may, docstring aside."""
    return [
        f"{node.name}: {lines}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := lines_of(node) - docstring_lines_of(node)) > MAX_FUNCTION_LINES
    ]


def lines_of(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def docstring_lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return 0 if ast.get_docstring(node) is None else lines_of(node.body[0])
