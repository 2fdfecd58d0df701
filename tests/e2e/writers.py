"""Writers of conversations, who note what they sent and what came of it."""

import collections
import itertools
import json
import random
import threading
import time
from dataclasses import dataclass, field

import httpx

from tests.chaos import Sent
from tests.e2e.test_owners import bearer
from tests.running import NO_COOKIES

MAX_S = 20
"""Nothing takes as long: a freeze, a turn, and what a busy machine takes on top."""
REFUSALS = {
    (409, "conversation_busy"), (502, "model_failed"), (503, "model_unavailable"),
    (504, "model_timeout"),
}  # fmt: skip
"""Answers that say that nothing was stored."""
UNKNOWN = {(503, "store_unavailable")}


@dataclass
class Home:
    """A conversation that three write into, and whoever owns it; without a token, anyone."""

    name: str
    token: str | None
    start: Sent
    id: int | None = None

    def has_turn(self, sent: Sent) -> bool:
        """Whether it is for this conversation, once it has begun."""
        return sent.place == self.name and sent is not self.start


@dataclass
class World:
    """What all writers share.

    Shapes: `outcomes` counts what came of requests; `surprises` says what never may.
    """

    seed: int
    url: str = ""
    homes: list[Home] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)
    sent: list[tuple[Home, Sent]] = field(default_factory=list)
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    surprises: list[str] = field(default_factory=list)


class Writer:
    """Sends one prompt after the other, until the world is over."""

    def __init__(self, world: World, home: Home, number: int) -> None:
        self._world, self._home, self._number = world, home, number
        self._chance = random.Random(f"{world.seed} {home.name} {number}")
        self._client = httpx.Client(timeout=MAX_S, trust_env=False, cookies=NO_COOKIES)
        self._unanswered: list[Sent] = []

    def write(self) -> None:
        with self._client:
            while not self._world.is_over.is_set() and not self._send(self._home.start):
                pass
            for count in itertools.count():
                if self._world.is_over.is_set():
                    return
                if not self._unanswered or self._chance.random() < 0.4:
                    self._unanswered.append(self._make(count))
                self._send_one(self._unanswered.pop(0))

    def _make(self, count: int) -> Sent:
        """Make a turn of the home; seldom the start of another conversation."""
        place = self._home.name
        if self._chance.random() < 0.05:
            place = f"side{place.removeprefix('home')}w{self._number}n{count}"
        prompt = f"This is prompt {count} of writer {self._number} in {place}."
        key = prompt.replace(" ", "-") if self._chance.random() < 0.3 else None
        sent = Sent(place, prompt, key, time.monotonic())
        self._world.sent.append((self._home, sent))
        return sent

    def _send_one(self, sent: Sent) -> None:
        """Send it; with a key later again, until it was answered, and sometimes behind that."""
        is_answered = self._send(sent)
        if sent.key and (not is_answered or self._chance.random() < 0.2):
            self._unanswered.append(sent)

    def _send(self, sent: Sent) -> bool:
        """Send a prompt, note what came of it, and rest; whether it was answered 200."""
        outcome = send(self._world, self._client, self._home, sent)
        self._world.outcomes[outcome] += 1
        if outcome != "200":
            time.sleep(self._chance.uniform(0.1, 0.4))
        return outcome == "200"


def send(world: World, client: httpx.Client, home: Home, sent: Sent) -> str:
    """Send a prompt once, note what came of it, and name that."""
    headers = bearer(home.token) if home.token else {}
    if sent.key:
        headers["idempotency-key"] = sent.key
    fields: dict[str, object] = {"context": f"You are in {sent.place}.", "prompt": sent.prompt}
    if home.has_turn(sent):
        fields = {"id": home.id, "prompt": sent.prompt}
    try:
        answered = client.post(f"{world.url}/", content=json.dumps(fields), headers=headers)
    except httpx.TransportError as error:
        sent.has_ended(time.monotonic())
        sent.may_be_stored |= not isinstance(error, httpx.ConnectError)
        if isinstance(error, httpx.TimeoutException):
            world.surprises.append(f"{error!r} to {sent}")
        return "cut off"
    sent.has_ended(time.monotonic())
    return note(world, home, sent, answered)


def note(world: World, home: Home, sent: Sent, answered: httpx.Response) -> str:
    try:
        told = answered.json()
        if answered.status_code == 200:
            sent.answers.append((told["id"], told["reply"]))
            if sent is home.start:
                home.id = told["id"]
            return "200"
        status, code = answered.status_code, str(told["error"]["code"])
    except (ValueError, KeyError, TypeError):
        status, code = answered.status_code, ""
    sent.may_be_stored |= (status, code) in UNKNOWN
    if (status, code) not in REFUSALS | UNKNOWN:
        world.surprises.append(f"{status} {answered.text[:300]!r} to {sent}")
    return f"{status} {code}"
