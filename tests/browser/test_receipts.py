"""Receipts on replies: what was remembered, from when, and the way to where it was said."""

import itertools
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, press, violations
from tests.running import RunningHost

TALK = ["Hello!", "How are you?", "Thank you!"]
SEEN = "element => document.activeElement === element && element.classList.contains('sought')"


@pytest.fixture
def chat(memory_chat: RunningHost) -> RunningHost:
    """Serve the demo model with little room, and with long-term memories."""
    return memory_chat


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """Show a conversation whose first turns have left the window, and one of which came back."""
    visitor.say("My name is Ada.")
    left = visitor.page.locator(".receipt summary").filter(has_text="left the window")
    for prompt in itertools.islice(itertools.cycle(TALK), 60):
        visitor.say(prompt)
        if left.count() > 3:
            break
    visitor.say("What is my name?")
    assert visitor.said()[-1] == "Your name is Ada."
    return visitor.page


def test_a_receipt_says_what_was_remembered_and_leads_to_it_after_a_reload_too(
    page: Page,
) -> None:
    receipt = page.locator(".receipt").last
    told = receipt.locator("summary").inner_text()
    assert re.match(r"Remembered .*from a moment ago|Remembered .*minutes? ago", told)
    receipt.locator("summary").click()
    source = receipt.get_by_role("link").filter(has_text="My name is Ada.").first
    expect(source).to_contain_text("Turn 1")
    assert violations(page) == []
    source.click()
    first = page.locator(".message").first
    expect(first).to_be_in_viewport()
    assert first.evaluate(SEEN)
    expect(page).to_have_url(re.compile(r"#[0-9]+/1\.0$"))

    page.goto(page.url.partition("/1.0")[0])
    page.reload()
    expect(page.locator(".message .content").last).to_have_text("Your name is Ada.")
    count = page.locator(".message").count()
    receipt = page.locator(".receipt").last
    assert receipt.locator("summary").inner_text().partition(",")[0] == told.partition(",")[0]
    receipt.locator("summary").click()
    receipt.get_by_role("link").filter(has_text="My name is Ada.").first.click()
    expect(page.locator(".message .content").first).to_have_text("My name is Ada.")
    assert page.locator(".message").count() > count, "older messages were loaded for it"
    assert page.locator(".message").first.evaluate(SEEN)


def test_the_turns_that_left_the_window_are_named_where_they_left(page: Page) -> None:
    left = page.locator(".receipt").filter(has_text="left the window").first
    assert re.search(r"[0-9]+ turns? left the window", left.locator("summary").inner_text())

    left.locator("summary").click()
    expect(left).to_contain_text("No longer seen whole")
    left.get_by_role("link", name="1", exact=True).click()

    expect(page.locator(".message .content").first).to_be_in_viewport()
    assert page.locator(".message").first.evaluate(SEEN)


def test_a_memory_leads_to_the_conversation_that_it_came_from(visitor: Visitor) -> None:
    visitor.say("My name is Ada.")
    page = visitor.page
    old = page.url
    press(page, "New conversation")
    visitor.say("What is my name?")
    receipt = page.locator(".receipt").last
    expect(receipt.locator("summary")).to_contain_text("Remembered")
    receipt.locator("summary").click()
    source = receipt.get_by_role("link").filter(has_text="My name is Ada.").first
    expect(source).to_contain_text("From another conversation")
    source.click()

    expect(page.locator(".message .content").first).to_have_text("My name is Ada.")
    expect(page).to_have_url(f"{old}/1.0")


def test_the_budget_is_the_same_number_before_and_after_a_reload(page: Page) -> None:
    told = page.locator("#budget-label")
    expect(told).to_contain_text("of 600 tokens")
    before = told.text_content()

    page.reload()

    expect(told).to_contain_text("of 600 tokens")
    assert told.text_content() == before
