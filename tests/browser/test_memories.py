"""The view of the memories."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor, link, press
from tests.browser.kept import Note, keep
from tests.running import RunningHost

NOTES = [
    Note("My daughter Ida is allergic to nuts.", 2),
    Note("I train on Mondays and Thursdays.", 3),
    Note("On Sundays I bake sourdough bread.", 40),
]


@pytest.fixture
def chat(memory_chat: RunningHost) -> RunningHost:
    return memory_chat


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """Show some memories."""
    keep(visitor.page, notes=NOTES)
    link(visitor.page, "Memories")
    expect(rows(visitor.page)).to_have_count(3)
    return visitor.page


def rows(page: Page) -> Locator:
    return page.locator("#memories-list > li")


def stored(page: Page) -> list[str]:
    """Return what is remembered, the newest first."""
    answer = page.request.get(f"{page.url.partition('#')[0]}memories?limit=50")
    return [memory["content"] for memory in answer.json()["memories"]]


def test_memories_are_found_by_words_and_by_meaning(page: Page) -> None:
    expect(page.locator("#memories-state")).to_have_text("3 memories")
    field = page.get_by_label("Find memories")
    field.fill("IDA nuts")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("My daughter Ida")

    field.fill("which days I do sports")
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#memories-state")).to_contain_text("Enter finds those that mean the same")
    field.press("Enter")
    expect(rows(page).first).to_contain_text("I train on Mondays")
    field.fill("")
    expect(rows(page)).to_have_count(3)


def test_a_memory_is_changed_where_it_stands(page: Page) -> None:
    row = rows(page).nth(1)
    row.get_by_role("button", name="Edit").click()
    field = page.get_by_label("What is remembered")
    expect(field).to_be_focused()
    field.fill("Never mind.")
    page.keyboard.press("Escape")
    expect(row).to_contain_text("I train on Mondays and Thursdays.")
    expect(row.get_by_role("button", name="Edit")).to_be_focused()

    page.keyboard.press("Enter")
    field.fill("I train on Tuesdays.")
    page.keyboard.press("Enter")

    expect(row).to_contain_text("I train on Tuesdays.")
    expect(row.get_by_role("button", name="Edit")).to_be_focused()
    assert stored(page)[1] == "I train on Tuesdays."
    row.get_by_role("button", name="Edit").click()
    field.fill(NOTES[0].content)
    press(page, "Save")
    expect(page.locator("#memories-state")).to_contain_text("another memory has this content")


def test_a_memory_is_added_and_pinned(page: Page) -> None:
    page.get_by_label("Something to remember").fill("We moved to Bergen in June.")
    press(page, "Remember")
    expect(page.locator("#memories-state")).to_have_text("Remembered.")
    expect(rows(page).first).to_contain_text("We moved to Bergen in June.")
    pin = rows(page).first.get_by_role("button", name="Pin")
    pin.click()
    expect(pin).to_have_attribute("aria-pressed", "true")
    expect(pin).to_be_focused()

    page.get_by_label("Something to remember").fill("We moved to Bergen in June.")
    press(page, "Remember")

    expect(page.locator("#memories-state")).to_have_text("That is remembered already.")
    expect(rows(page)).to_have_count(4)


def test_forgetting_can_be_undone_for_some_seconds(page: Page) -> None:
    forget = rows(page).first.get_by_role("button", name="Forget")
    forget.click()
    expect(rows(page)).to_have_count(2)
    press(page, "Undo")
    expect(rows(page)).to_have_count(3)
    expect(forget).to_be_focused()
    forget.click()
    assert len(stored(page)) == 3

    rows(page).first.get_by_role("button", name="Forget").click()  # and the first is forgotten now

    expect(rows(page)).to_have_count(1)
    expect(page.locator("#memories-state")).to_have_text("1 memory")
    for _ in range(100):
        if len(stored(page)) == 2:
            break
        page.wait_for_timeout(50)
    assert stored(page) == [note.content for note in NOTES[1:]]
    press(page, "Forget all")
    page.locator("#ask").get_by_role("button", name="Forget all").click()
    expect(page.locator("#memories-state")).to_have_text("None yet.")
    assert stored(page) == []


def test_a_memory_leads_to_where_it_was_said(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("My name is Ada, and I live in Oslo.")
    link(page, "Memories")
    said = rows(page).filter(has_text="My name is Ada, and I live in Oslo.")
    said.get_by_role("link", name="where it was said").click()

    expect(page.locator(".message.user")).to_be_focused()
    expect(page.locator(".message.user")).to_contain_text("My name is Ada")
