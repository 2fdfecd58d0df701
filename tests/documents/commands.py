"""Says what is wrong with a command of the documents, as far as that shows without running it.

`curl` is run by a test against a running chat; nothing is looked at here.
"""

import contextlib
import importlib.util
import io
import itertools
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from host.cli import make_parser
from host.errors import HostError
from host.real_model.words import parse_word
from tests.documents.tables import wrong_of
from tests.running import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
STAND_INS = {
    "HOST": "example.com",
    "PORT": "6379",
    "NAME": "a-model",
    "@key.txt": "a-secret",
    "@admin-token.txt": "a-secret-of-the-operator",
}
"""What stands for a value of the reader's own."""
FROM_ENVIRONMENT = re.compile(r"\$[A-Z_]+")
ASSIGNMENT = re.compile(r"[A-Z_]+=")
SECRET = "a-secret-of-the-operator"
MAKE_VARIABLES = {"ARGS", "BUILD", "LISTEN", "MODEL", "SPIN"}
WITH_FILE = {"-r", "-f"}
"""Flags of other programs whose value is a file of this project."""


def wrongs_of(line: str) -> Iterator[str]:
    """Yield what is wrong with each command of a line."""
    for command in _split(shlex.split(line, comments=True)):
        known = COMMANDS.get(command[0])
        if known is None:
            yield f"`{command[0]}` is no program that documents may use"
        else:
            yield from known(command[1:])


def _split(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield each command, without the variables that are set for it."""
    command: list[str] = []
    for word in (*words, "&&"):
        if word == "&&":
            yield list(itertools.dropwhile(ASSIGNMENT.match, command))
            command = []
        else:
            command.append(word)


def wrongs_of_variables(given: Mapping[str, str]) -> Iterator[str]:
    """Yield the variables that do not exist, and what is wrong with the values of the others."""
    try:
        wrong = wrong_of({name: _filled_in(value) for name, value in given.items()})
    except KeyError as error:
        wrong = f"there is no variable {error}"
    if wrong is not None:
        yield wrong


def _filled_in(value: str) -> str:
    for name, stand_in in STAND_INS.items():
        value = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", stand_in, value)
    return FROM_ENVIRONMENT.sub(SECRET, value)


def _make(words: Sequence[str]) -> Iterator[str]:
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    for target in (word for word in words if "=" not in word):
        if not re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE):
            yield f"make has no target {target}"
    for name in set(variables) - MAKE_VARIABLES:
        yield f"make has no variable {name}"
    if "MODEL" in variables:
        try:
            parse_word(variables["MODEL"], {"OPENAI_API_KEY": SECRET})
        except HostError as error:
            yield str(error)
    yield from _host(["up", *shlex.split(variables.get("ARGS", ""))])


def _host(words: Sequence[str]) -> Iterator[str]:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            flags = make_parser().parse_args(words)
    except SystemExit as left:
        if left.code != 0:
            yield said.getvalue().strip().splitlines()[-1]
        return
    given = getattr(flags, "variable", [])
    yield from wrongs_of_variables(dict(variable.split("=", 1) for variable in given))


def _python(words: Sequence[str]) -> Iterator[str]:
    words = words[2:] if words[:2] == ["-X", "faulthandler"] else words
    if words[:1] != ["-m"]:
        yield "python is used with -m only"
    elif words[1] == "host":
        yield from _host(words[2:] or ["--help"])
    elif words[1] == "pytest":
        yield from _pytest(words[2:])
    elif importlib.util.find_spec(words[1]) is None:
        yield f"there is no module {words[1]}"


def _pytest(words: Sequence[str]) -> Iterator[str]:
    word = words[words.index("-k") + 1] if "-k" in words else ""
    for name in (word for word in words if word.startswith("tests/")):
        file, _, test = name.partition("::")
        path = ROOT / file
        text = path.read_text() if path.is_file() else ""
        if not text:
            yield f"there is no {file}"
        elif f"def {test}(" not in text if test else not re.search(rf"def test_\w*{word}", text):
            yield f"{file} has no test for {test or word}"


def _spin(words: Sequence[str]) -> Iterator[str]:
    places = [place for place, word in enumerate(words) if word == "--variable"]
    yield from wrongs_of_variables(dict(words[place + 1].split("=", 1) for place in places))


def _other(words: Sequence[str]) -> Iterator[str]:
    """Look for the files and the pinned packages that another program is given."""
    pinned = "".join(path.read_text() for path in sorted(ROOT.glob("requirements*.txt")))
    for flag, name in itertools.pairwise(words):
        if flag in WITH_FILE and not (ROOT / name).is_file():
            yield f"there is no file {name}"
    for word in words:
        if "==" in word and word not in pinned:
            yield f"{word} is not what is pinned"


def _nothing(_: Sequence[str]) -> Iterator[str]:
    return iter(())


COMMANDS: Mapping[str, Callable[[Sequence[str]], Iterator[str]]] = {
    "make": _make,
    "python": _python,
    "python3": _python,
    ".venv/bin/python": _python,
    "spin": _spin,
    "pip": _other,
    "kubectl": _other,
    "docker": _other,
    "curl": _nothing,
    "ollama": _nothing,
    "claude": _nothing,
    "codex": _nothing,
    ".": _nothing,
    "train/bin/pip": _other,
    "train/bin/python": _python,
}
"""Programs of the documents, and what looks at what they are given."""
