"""Lua scripts: every name that they use is declared, and they get all that is declared."""

import contextlib
import pathlib
import re
import shutil
import subprocess
import tomllib

import hypothesis
import pytest
from hypothesis import strategies as st

from chat.redis import common_scripts, fragments, memory_scripts, scripts, whole_scripts
from chat.redis.connection import Redis
from chat.redis.script import FOLDER, UNPACKED, Fragment, Script, pack, render_names
from chat.redis.scripts import HOLD, LIST_IDS, LOAD_EMBEDDINGS, RELEASE
from host.interfaces.resp import Connection, parse_address
from tests.chat.native import NativeConnection
from tests.running import ROOT, RunningRedis

SCRIPTS = [
    value
    for module in (scripts, memory_scripts, whole_scripts, common_scripts)
    for value in vars(module).values()
    if isinstance(value, Script)
]
FRAGMENTS = [value for value in vars(fragments).values() if isinstance(value, Fragment)]
STD = ("--std", "lua51", "--read-globals", "redis", "cjson", "KEYS", "ARGV")
NOT_IN_REDIS = ("--not-globals", "io", "package", "require", "module", "dofile", "loadfile")
FUNCTION = re.compile(r"^local function (\w+)", re.MULTILINE)


@pytest.mark.skipif(not shutil.which("luacheck"), reason="luacheck (Debian's lua-check) is absent")
def test_luacheck_finds_nothing_in_any_script(tmp_path: pathlib.Path) -> None:
    for script in SCRIPTS:
        (tmp_path / f"{script.name}.lua").write_text(script.text)
    shared = {name for fragment in FRAGMENTS for name in FUNCTION.findall(fragment.read())}
    not_needed_by_all = [f"211/{name}" for name in sorted(shared)]

    found = subprocess.run(
        ["luacheck", *STD, *NOT_IN_REDIS, "--max-line-length", "100", "--formatter", "plain",
         "--ignore", *not_needed_by_all, "--", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (found.returncode, found.stdout) == (0, "")


async def test_redis_compiles_every_script_and_knows_it_by_the_same_name(
    connection: NativeConnection,
) -> None:
    for script in SCRIPTS:
        assert await connection.execute("SCRIPT", [b"LOAD", script.text.encode()]) == [
            script.sha1.encode()
        ]


def test_every_file_is_a_script_or_a_fragment() -> None:
    files = {path.stem for path in FOLDER.glob("*.lua")}
    shared = {path.stem for path in (FOLDER / "shared").glob("*.lua")}

    assert files == {script.name for script in SCRIPTS}
    assert shared == {fragment.name for fragment in FRAGMENTS}


def test_a_changed_file_builds_the_component_again() -> None:
    files = set(FOLDER.rglob("*.lua"))
    manifest = tomllib.loads((ROOT / "spin.toml").read_text())
    watch = manifest["component"]["chat"]["build"]["watch"]
    known = subprocess.run(
        ["make", "-pq"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    sources = re.search(r"^SOURCES := (.*)$", known, re.MULTILINE)

    assert files <= {path for pattern in watch for path in ROOT.glob(pattern)}
    assert sources
    assert files <= {ROOT / name for name in sources[1].split()}


def test_keys_arguments_and_constants_are_locals_before_the_script() -> None:
    body = "redis.call('SET', turns_key, id, 'EX', MAX_S) return rest"

    text = render_names(body, ["lock", "turns"], ["id", "*rest"], {"MAX_S": 60})

    assert text.splitlines() == [
        "local turns_key = KEYS[2]",
        *UNPACKED.splitlines(),
        "local id = arguments[1]",
        "local rest = {}",
        "for i = 2, #arguments do rest[i - 1] = arguments[i] end",
        "local MAX_S = 60",
    ]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        pytest.param("return other_key", "other_key: not declared", id="a key"),
        pytest.param("return id + OTHER_S", "OTHER_S: not declared", id="a constant"),
        pytest.param("return ARGV[17]", "ARGV: not declared", id="an argument by its place"),
        pytest.param("return KEYS[5]", "KEYS: not declared", id="a key by its place"),
        pytest.param("return 1 -- id, 'MAX_S'", "MAX_S, id: declared and not used", id="unused"),
        pytest.param("return id, 'MAX_S'", "MAX_S: declared and not used", id="only in text"),
    ],
)
def test_a_script_that_names_something_else_than_it_declares_is_refused(
    body: str, wrong: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(wrong)}$"):
        render_names(body, ["turns"], ["id"], {"MAX_S": 60})


def test_a_name_that_is_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="^id: declared twice$"):
        render_names("return id", [], ["id"], {"id": 1})


async def test_a_script_gets_its_arguments_in_order_however_they_are_named(
    connection: NativeConnection,
) -> None:
    redis = Redis(connection)
    await connection.execute("SET", [b"t:lock", b"mine"])

    assert await redis.run(RELEASE, {"lock": "t:lock"}, fencing="yours") == [0]
    assert await redis.run(RELEASE, {"lock": "t:lock"}, fencing="mine") == [1]


@hypothesis.given(st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=9), st.integers())))
def test_arguments_come_apart_as_they_were_put_together(
    shared_redis: RunningRedis, given: list[bytes | str | int]
) -> None:
    script = f"{UNPACKED} return arguments".encode()
    with contextlib.closing(Connection(parse_address(shared_redis.address))) as connection:
        found = connection.call([b"EVAL", script, b"0", pack(given)])

    assert found == [a if isinstance(a, bytes) else str(a).encode() for a in given]


KEYS = {name: name for name in HOLD.keys[: HOLD.least_keys]}
ARGUMENTS = dict.fromkeys(HOLD.args, "")


@pytest.mark.parametrize(
    ("keys", "arguments", "wrong"),
    [
        pytest.param(KEYS | {"rate": "r"}, ARGUMENTS, "keys .*: mark, rate", id="another key"),
        pytest.param(
            {"lock": "l"},
            ARGUMENTS,
            "keys .*: archive, conversation, done, embeddings, index, turns",
            id="keys are missing",
        ),
        pytest.param(
            KEYS | {"usage": "u"}, ARGUMENTS, "keys .*: mark, usage", id="a key behind a gap"
        ),
        pytest.param(KEYS, ARGUMENTS | {"id": 1}, "arguments .*: id", id="another argument"),
        pytest.param(KEYS, {}, "arguments .*: account, fencing, lock_ms, turn_count", id="none"),
    ],
)
def test_a_call_with_other_names_than_the_declared_is_refused(
    keys: dict[str, str], arguments: dict[str, str | int], wrong: str
) -> None:
    with pytest.raises(TypeError, match=f"^hold: {wrong}$"):
        HOLD.operands(keys, (), arguments)


def test_only_a_script_that_declares_a_tail_takes_one() -> None:
    keys = {name: name for name in LOAD_EMBEDDINGS.keys}

    assert LOAD_EMBEDDINGS.operands(keys, ["a", "bc"], {})[-1] == b"1 2\nabc"
    with pytest.raises(TypeError, match="list_ids takes no arguments without names"):
        LIST_IDS.operands({"conversations": "c"}, ["a"], {})
