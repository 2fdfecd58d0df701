"""The picture in README: a conversation that one would want to have.

The page, the chat and what it recalls are real. The reply is written here, as the demo model knows
few words: an endpoint speaks it, as that of a real model would.
"""

import json
import os
import pathlib
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.kept import Kept, keep
from tests.e2e.streaming import SpokenModel, run_spoken
from tests.running import RunningHost, RunningRedis

SMALL = ("context_length=900", "max_reply_tokens=400", "key_prefix=picture")
"""So little room that what was said first has left the context window."""
BIRTHDAY = Kept("A birthday cake for Ida", 4.0, (
    "My daughter Ida will be nine on Saturday. She is allergic to nuts, and she loves lemon.",
    "How lovely! I keep both in mind: no nuts, and lemon wherever it fits.",
    "Which games are good for eight children in a small garden? " + "It may rain. " * 40,
    "A treasure hunt, musical chairs under the awning, and a quiz on animals. " + "Dry! " * 60,
))  # fmt: skip
OTHERS = [
    Kept("Fix the flaky login test", 0.1),
    Kept("Norwegian, lesson 4", 9.0, is_pinned=True),
    Kept("A week in Bergen by train", 1.0),
    Kept("Rye bread, step by step", 5.0),
    Kept("Letter to the landlord", 13.0),
    Kept("Which bike for the hills", 24.0),
]
PROMPT = "What cake should I bake for Ida? Two or three ideas, with the time that each takes."
REPLY = (
    "All three are **without nuts**, because of Ida’s allergy, and two have the lemon that she "
    "loves:\n\n| cake | in the oven | why |\n|---|---|---|\n"
    "| Lemon drizzle cake | 45 min | her favourite, and it keeps until Saturday |\n"
    "| Lemon curd roll | 12 min | quick; bake it in the morning |\n"
    "| Berry traybake | 30 min | cuts into ", "nine squares, one for each candle |\n\n"
    "I would take the *drizzle cake*: bake it on Friday, and put the nine candles on top. Look at "
    "the label of the icing sugar, which may say “traces of nuts”.",
)  # fmt: skip


@pytest.fixture
def spoken() -> Iterator[SpokenModel]:
    model = SpokenModel()
    yield model
    model.close()


@pytest.fixture
def chat(
    wasm: pathlib.Path, shared_redis: RunningRedis, spoken: SpokenModel, tmp_path: pathlib.Path
) -> Iterator[RunningHost]:
    assert wasm.exists()
    with run_spoken(tmp_path / "host", shared_redis, spoken, *SMALL) as host:
        yield host


def test_a_reply_knows_what_was_said_days_ago(
    new_visitor: Callable[..., Visitor], spoken: SpokenModel, tmp_path: pathlib.Path
) -> None:
    visitor = new_visitor(color_scheme="light")
    page = visitor.page
    page.set_viewport_size({"width": 1280, "height": 800})
    keep(page, [BIRTHDAY, *OTHERS])
    page.get_by_role("link", name=str(BIRTHDAY.title)).click()
    expect(page.locator(".message")).to_have_count(4)
    speaker = spoken.answer_at_once(*REPLY)
    visitor.say(PROMPT)

    asked = json.dumps(speaker.request["messages"])
    assert "She is allergic to nuts" in asked, "it is recalled"
    assert "musical chairs" not in asked, "the rest has left the window"
    expect(page.locator(".message.assistant").last).to_contain_text("Lemon curd roll")
    page.mouse.move(640, 30)
    page.screenshot(path=os.environ.get("SCREENSHOT", str(tmp_path / "page.png")))
