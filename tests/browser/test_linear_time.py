"""No message hangs the browser that shows it."""

import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.hostile import UNITS
from tests.running import ModelEndpoint, default_answer

MAX_S = 20.0
"""How long showing a reply may take, the turn included; the machine may be busy."""
LONG = 20_000
REPLIES = {
    "a heading of spaces": f"# {' ' * LONG}a\u2028b",
    "a heading that does not close": f"# a{' ' * LONG}\u2028b {'#' * LONG}x",
    "an item of spaces": f"- {' ' * LONG}a\u2028b",
    "fences": f"~~~{'~' * LONG}`\n\n```{' ' * LONG}`\n\n~~~{'a' * LONG}`",
    "quotes in quotes": f"{'>' * LONG}\n\n{'> ' * LONG} deep",
    "lists in lists": "\n".join(f"{' ' * 2 * depth}- a" for depth in range(200)),
    "rules": "- " * LONG + "x",
    "paragraphs": "a\n\n" * LONG,
    "marks": "*a _b **c `d [e](" * (LONG // 16),
    "all in turn": "\n\n".join(unit * (2000 // len(unit)) for unit in UNITS.values()),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_a_hostile_reply_is_shown_within_seconds(
    visitor: Visitor, endpoint: ModelEndpoint, reply: str
) -> None:
    endpoint.answer = lambda _: default_answer(reply)
    begun = time.monotonic()

    visitor.say("Go on.")
    visitor.page.reload()

    shown = visitor.page.locator(".message.assistant .content")
    expect(shown).not_to_be_empty(timeout=MAX_S * 1000)
    assert time.monotonic() - begun < MAX_S


def test_quotes_are_shown_within_each_other_up_to_a_depth(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: default_answer("> a\n> > b\n\n" + "> " * 40 + "deep")
    visitor.say("Go on.")
    reply = visitor.page.locator(".assistant .content")

    assert reply.locator("blockquote blockquote").first.inner_text() == "b"
    assert reply.inner_text().endswith("> > > deep")
