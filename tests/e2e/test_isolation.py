"""Fifteen owners with similar chats: each is asked for with the credentials of others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.e2e.test_data_rights import hosts as both_hosts
from tests.e2e.test_memories import openai, shown
from tests.e2e.test_owners import ask, new_token
from tests.running import ModelEndpoint, RunningHost

hosts = both_hosts
NAMES = [
    "Ada", "Ben", "Cleo", "Dora", "Emil", "Faye", "Gino", "Hana", "Igor", "Jana", "Kurt", "Lena",
    "Milo", "Nora", "Otto",
]  # fmt: skip
AT_ONCE = 4
"""How many owners talk at the same time."""
QUESTIONS = ["Which bread does my grandmother bake?", "What is the secret word of my safe?"]


@dataclass
class Owner:
    """An owner, whose every text has its name in it."""

    name: str
    token: str
    conversation: int
    memory: str


def make_owner(host: RunningHost, name: str) -> Owner:
    """Let an owner tell the same story as the others, in two conversations and a note."""
    token = new_token(host)
    prompt = f"My grandmother bakes a rye bread, and she calls it the {name} bread."
    taken = ask(host, "POST", "/", token, context="c", prompt=prompt).json()["id"]
    for number in range(9):
        ask(host, "POST", "/", token, id=taken, prompt=f"More of the bread {name} {number}.")
    secret = f"The secret word of my safe is {name}, and nobody may know of it."
    ask(host, "POST", "/", token, context="c", prompt=secret)
    note = ask(host, "POST", "/memories", token, content=f"My bread is {name} bread.").json()
    return Owner(name, token, taken, note["id"])


@pytest.fixture(scope="module", params=["redis", "chroma"])
def owners(
    request: pytest.FixtureRequest, hosts: dict[str, RunningHost], shared_endpoint: ModelEndpoint
) -> tuple[RunningHost, list[Owner]]:
    """Make owners on a host, for all tests: none changes what they have."""
    shared_endpoint.answer = openai()
    host: RunningHost = hosts[request.param]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return host, list(pool.map(lambda name: make_owner(host, name), NAMES))


@pytest.fixture
def world(
    owners: tuple[RunningHost, list[Owner]], endpoint: ModelEndpoint
) -> tuple[RunningHost, list[Owner], ModelEndpoint]:
    endpoint.answer = openai()
    return *owners, endpoint


def pairs(owners: list[Owner]) -> Iterator[tuple[Owner, Owner]]:
    """Yield each owner with the one behind it, and each with the one before it."""
    behind = [*owners[1:], owners[0]]
    yield from zip(owners, behind, strict=True)
    yield from zip(behind, owners, strict=True)


def test_no_owner_is_shown_a_word_of_another(
    world: tuple[RunningHost, list[Owner], ModelEndpoint],
) -> None:
    host, owners, endpoint = world
    recalled = 0
    for owner in owners:
        seen = ""
        for question in QUESTIONS:
            answered = ask(host, "POST", "/", owner.token, context="c", prompt=question)
            recalled += len(answered.json()["usage"]["memories"])
            query = question.replace(" ", "+")
            found = ask(host, "GET", f"/memories/relevant?prompt={query}&top_k=100", owner.token)
            wide = ask(
                host, "GET", f"/memories/relevant?prompt={query}&distance_threshold=2", owner.token
            )
            in_one = ask(host, "GET", f"/conversations/{owner.conversation}/relevant?prompt={query}"
                         "&distance_threshold=2", owner.token)  # fmt: skip
            words = ask(host, "GET", f"/search?prompt={query}+name&limit=100", owner.token)
            seen += words.text
            seen += shown(endpoint) + answered.text + found.text + wide.text + in_one.text
        for path in ("/memories", "/conversations", "/export"):
            seen += ask(host, "GET", path, owner.token).text

        assert owner.name in seen
        assert not [name for name in NAMES if name != owner.name and name in seen]
    assert recalled >= len(QUESTIONS) * len(owners), "memories came back, and only the owners' own"


def test_nothing_of_an_owner_can_be_reached_with_the_credential_of_another(
    world: tuple[RunningHost, list[Owner], ModelEndpoint],
) -> None:
    host, owners, _ = world
    before = {owner.name: ask(host, "GET", "/export", owner.token).text for owner in owners}
    statuses = set()
    for mine, other in pairs(owners):
        path, memory = f"/conversations/{other.conversation}", f"/memories/{other.memory}"
        first_memory = f"/memories/{other.conversation}.1.0"
        for method, target, fields in (
            ("GET", path, {}),
            ("GET", f"{path}/messages", {}),
            ("PATCH", path, {"title": mine.name}),
            ("DELETE", path, {}),
            ("DELETE", f"{path}/messages/1.0", {}),
            ("POST", f"{path}/branch", {}),
            ("POST", "/", {"id": other.conversation, "prompt": "Who am I?"}),
            ("GET", memory, {}),
            ("PATCH", first_memory, {"pinned": True}),
            ("DELETE", first_memory, {}),
        ):
            refused = ask(host, method, target, mine.token, **fields)
            statuses.add(refused.status_code)
            assert other.name not in refused.text

    assert statuses == {404}
    after = {owner.name: ask(host, "GET", "/export", owner.token).text for owner in owners}
    lines = {name: text.partition("\n")[2] for name, text in before.items()}
    assert {name: text.partition("\n")[2] for name, text in after.items()} == lines
