"""docs/openai.md says of each method and parameter of OpenAI's client what is done with it."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

from chat.openai_api import completion_bodies, model_handlers, response_bodies
from tests.documents.reading import read
from tests.running import ROOT

DOCUMENT = "docs/openai.md"
ROW = re.compile(r"^\| `([a-z_.]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)
CODE = re.compile(r"`([a-z_.]+)`")
OF_THE_CLIENT = {
    "chat.completions.parse", "chat.completions.stream", "responses.parse", "responses.stream",
}  # fmt: skip
"""Methods that call others, and parse in the client."""
PYTHONS = (sys.executable, str(ROOT / ".venv-clients/bin/python"))
"""Where the client is installed, in two versions."""


def told() -> Mapping[str, tuple[set[str], set[str], set[str]]]:
    """Return the parameters of each method that are served, without effect, and refused."""
    rows = {}
    for method, *columns in ROW.findall(read(DOCUMENT)):
        served, without, refused = (set(CODE.findall(column)) for column in columns)
        rows[method] = served, without, refused
    return rows


def not_served() -> set[str]:
    section = read(DOCUMENT).partition("Not served: ")[2].partition("\n\n")[0]
    return set(CODE.findall(section))


@pytest.fixture(scope="module")
def surfaces() -> list[Mapping[str, list[str]]]:
    command = str(ROOT / "tests/clients/surface.py")
    return [
        json.loads(subprocess.run([python, command], check=True, capture_output=True).stdout)
        for python in PYTHONS
    ]


def test_every_method_of_the_client_is_told_of(surfaces: list[Mapping[str, list[str]]]) -> None:
    methods = {method for surface in surfaces for method in surface}

    assert methods - OF_THE_CLIENT == told().keys() | not_served()
    assert not told().keys() & not_served()


def test_every_parameter_of_the_client_is_told_of_once(
    surfaces: list[Mapping[str, list[str]]],
) -> None:
    for method, columns in told().items():
        wanted = {name for surface in surfaces for name in surface.get(method, [])}

        assert set().union(*columns) == wanted, method
        assert sum(map(len, columns)) == len(wanted), method


def test_what_the_client_parses_by_itself_has_no_parameters_of_its_own(
    surfaces: list[Mapping[str, list[str]]],
) -> None:
    own = {"text_format", "parse_as", "response_id", "starting_after", "verbosity"}
    for method in OF_THE_CLIENT:
        base = f"{method.rpartition('.')[0]}.create"
        wanted = {name for surface in surfaces for name in surface[method]}

        assert wanted - own <= set().union(*told()[base]) | own, method


def test_what_the_code_takes_is_what_the_document_says() -> None:
    chat = completion_bodies
    assert told()["chat.completions.create"] == (
        {*chat.OWN, *chat.PASSED_ON},
        set(chat.WITHOUT_EFFECT),
        {*chat.ONLY, *chat.REFUSED},
    )
    served, without, refused = told()["responses.create"]
    assert served == set(response_bodies.FIELDS)
    assert without <= set(response_bodies.MEANINGLESS)
    assert refused >= set(response_bodies.ONLY)
    assert set().union(*told()["embeddings.create"]) == set(model_handlers.EMBEDDING_FIELDS)
