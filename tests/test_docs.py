"""The documents are true: what they name exists, and what is made from tables is up to date."""

import json
import pathlib
import re
import tomllib

import pytest
import yaml

from chat.context.quotes import make_memory_quote, make_quote
from chat.context.recall import Recall
from chat.context.summary import quote_summary
from chat.core.errors import ChatError
from chat.core.messages import Found, FoundMemory, Memory, Message, Turn
from chat.core.schema import FIELD
from chat.core.summaries import RunningSummary
from chat.core.tokens import UNKNOWN
from chat.wiring.surfaces import ROUTES
from host.app.runtime_config import load_runtime_config
from tests.documents.commands import wrongs_of, wrongs_of_variables
from tests.documents.reading import (
    ALL,
    WRITTEN,
    Block,
    anchors,
    blocks,
    codes,
    commands_of,
    links,
    prose,
    read,
)
from tests.documents.tables import TABLES, filled_in, variables
from tests.running import ROOT

MARK = re.compile(r'mark\.(?:own_host|spin|preview_[23])\(\s*"([^"]*)"')
BLOCKS = blocks(*WRITTEN)
LANGUAGES = {"sh", "console", "text", "toml", "yaml", "json", "python"}
PATH = re.compile(
    r"(?:(?:chat|host|tests|docs|bench|models|deploy|web)/[\w./-]*|app\.py|spin\.toml)"
)
"""A file or a folder of this project; `README.md` and its like are found as links."""
REQUEST = re.compile(r"(GET|POST|PATCH|DELETE) (/\S*)")
ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)
COMMAND = re.compile(r"(?:make|spin|python|\.venv/bin/python) [^.…]*")
STAND_INS = {
    "conv_ID": "conv_1", "MESSAGE": "1.0", "MEMORY": "1.1.0", "VERSION": "v", "NAME": "app.js",
    "ID": "1",
}  # fmt: skip


def every_code() -> list[tuple[str, str]]:
    return [(document, code) for document in WRITTEN for code in codes(document)]


@pytest.mark.parametrize("document", TABLES)
def test_what_is_made_from_tables_is_up_to_date(document: str) -> None:
    text = read(document)

    assert filled_in(document, text) == text, "`make docs` writes it anew"


@pytest.mark.parametrize("document", ALL)
def test_links_lead_somewhere(document: str) -> None:
    lost = []
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if "://" in link:
            continue
        relative = str(target.resolve().relative_to(ROOT))
        if not target.exists() or (anchor and anchor not in anchors(relative)):
            lost.append(link)

    assert lost == []


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_says_what_it_is(block: Block) -> None:
    assert block.language in LANGUAGES


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language in {"sh", "console"}], ids=str
)
def test_commands_and_their_flags_are_there(block: Block) -> None:
    lines = commands_of(block)

    assert lines
    assert [wrong for line in lines for wrong in wrongs_of(line)] == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("make bread", "no target bread"),
        ('make up ARGS="--wat"', "unrecognized arguments: --wat"),
        ('make up ARGS="--variable bread=1"', "no variable 'bread'"),
        ("make up BREAD=1", "no variable BREAD"),
        ("python -m host up --workers many", "invalid int value"),
        ("python -m bread", "no module bread"),
        ("python -m pytest tests/bread.py", "no tests/bread.py"),
        ("python -m pytest tests/test_docs.py::test_bread", "no test for test_bread"),
        ("python -m pytest tests/test_docs.py -k breads_and_butter", "no test for breads"),
        ("spin up --variable access=some", "must be one of open, private"),
        ("kubectl apply -f bread.yaml", "no file bread.yaml"),
        ("pip install bread==1", "bread==1 is not what is pinned"),
        ("spin build && bread", "`bread` is no program"),
    ],
)
def test_a_command_that_is_wrong_would_be_found(command: str, problem: str) -> None:
    assert problem in "\n".join(wrongs_of(command))


def test_commands_within_a_line_are_there() -> None:
    commands = [(document, code) for document, code in every_code() if COMMAND.fullmatch(code)]

    assert len(commands) > 10
    assert {(d, c, w) for d, c in commands for w in wrongs_of(c)} == set()


def test_values_of_variables_can_be_used() -> None:
    values = [
        (document, code)
        for document, code in every_code()
        if code.partition("=")[0] in variables() and "=" in code and "…" not in code
    ]

    assert len(values) > 10
    assert {
        (d, c, w) for d, c in values for w in wrongs_of_variables(dict([c.split("=", 1)]))
    } == set()


def test_files_that_are_named_are_there() -> None:
    paths = [(document, code) for document, code in every_code() if PATH.fullmatch(code)]

    assert len(paths) > 30
    assert {(document, path) for document, path in paths if not (ROOT / path).exists()} == set()


def test_routes_that_are_named_are_served() -> None:
    found = [(d, match) for d, code in every_code() if (match := REQUEST.fullmatch(code))]
    lost = set()
    for document, match in found:
        path = match[2].partition("?")[0]
        for name, stand_in in STAND_INS.items():
            path = re.sub(rf"(?<=/){name}(?=/|$)", stand_in, path)
        if ROUTES.find_operation(match[1], path) is None:
            lost.add((document, match[0]))

    assert len(found) > 40
    assert lost == set()


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language in {"toml", "yaml", "json"}], ids=str
)
def test_files_to_copy_can_be_read(block: Block, tmp_path: pathlib.Path) -> None:
    if block.language == "toml":
        assert tomllib.loads(block.text)
        path = tmp_path / "runtime-config.toml"
        path.write_text(block.text)
        load_runtime_config(path)
    else:
        assert json.loads(block.text) if block.language == "json" else yaml.safe_load(block.text)


def test_the_keys_in_the_document_are_those_of_the_code() -> None:
    listed = re.findall(
        r"^    (<prefix>:\S+)\s+(string|hash|list|zset|hll)\s",
        (ROOT / "chat" / "redis" / "keys.py").read_text(),
        re.MULTILINE,
    )
    rows = [row.split(" | ") for row in ROW.findall(read("docs/data.md"))]
    told = [(row[0].strip("`"), row[1]) for row in rows if row[0].startswith("`<prefix>:")]

    assert len(listed) > 30
    assert sorted(told) == sorted(listed)


def test_the_fields_of_records_in_chroma_are_those_of_the_code() -> None:
    field, row = (
        re.compile(r'^ +"(\w+)": ', re.MULTILINE),
        re.compile(r"^\| (`.*?) \|", re.MULTILINE),
    )
    sources = [ROOT / "chat" / "chroma" / f"{name}.py" for name in ("conversations", "memories")]
    written = {name for path in sources for name in field.findall(path.read_text())}
    section = read("docs/data.md").partition("## Chroma")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(\w+)`", "\n".join(row.findall(section))))

    assert told == written | {"restated", FIELD}


def kinds_of(error: type[ChatError]) -> list[type[ChatError]]:
    return [error, *(kind for one in error.__subclasses__() for kind in kinds_of(one))]


def test_the_errors_in_the_document_are_those_of_the_code() -> None:
    with_code = [kind for kind in kinds_of(ChatError) if "code" in vars(kind)]
    section = read("docs/api.md").partition("\n## Errors")[2].partition("\n## ")[0]
    told = re.findall(r"^\| (\d+) \| `(\w+)` \|", section, re.MULTILINE)

    assert len(told) > 25
    assert sorted(told) == sorted({(str(kind.status), kind.code) for kind in with_code})


def test_what_the_model_is_shown_stands_in_the_document() -> None:
    now, days = 1_000_000.0, 3 * 86_400
    said = (Message("user", "My name is Ada."), Message("assistant", "Nice to meet you, Ada!"))
    turn = Turn(1, said, 10, 10, 5, now - days)
    memory = Memory(
        "1.1.0", "user", "Every Sunday I bake a dark rye bread with caraway seeds.", now - days, 1
    )
    template = str(variables()["memory_template"]["default"]).replace("\\n", "\n")
    remembered = make_memory_quote(FoundMemory(memory, 0.1), template, 1000, now, UNKNOWN)
    notes = "The user is Ada. She bakes a dark rye bread every Sunday."
    recalls = (
        Recall(turns=(make_quote(Found(turn, 1.0), now, UNKNOWN),)),
        Recall(summary=quote_summary(RunningSummary(4, notes), 1000, UNKNOWN)),
        Recall(memories=(remembered,)),
    )
    shown = [block.text for block in blocks("docs/memory.md") if block.language == "text"]

    assert shown == [f"{recall.around('You are a helpful chef.')}\n" for recall in recalls]


def test_every_difference_of_the_hosts_stands_in_the_document() -> None:
    sources = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    reasons = {reason for source in sources for reason in MARK.findall(source)}
    section = read("docs/spin.md").partition("## What differs")[2]
    told = set(re.findall(r"^- (.*)$", section, re.MULTILINE))

    assert reasons == told
    assert len(reasons) > 4


def test_nobody_is_named_to_report_to() -> None:
    assert re.findall(r"\S+@\S+\.\S+|https?://\S+", prose("SECURITY.md")) == []
