"""The page while a reply is made: it grows, it can be stopped, and what was said can be varied."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.e2e.streaming import SpokenModel
from tests.running import RunningHost

GROWING = ".message.growing .content"
SAID = ".message .content"
STOPPED = "Stopped: this is what had come."


@pytest.fixture
def chat(speaking_chat: RunningHost) -> RunningHost:
    """Serve the page, with a model that speaks when the test tells it to."""
    return speaking_chat


@pytest.fixture
def page(new_visitor: Callable[..., Visitor], spoken: SpokenModel) -> Page:
    """Show a conversation of one turn."""
    visitor = new_visitor()
    spoken.answer_at_once("Hello ", "there.")
    visitor.say("Hi.")
    return visitor.page


def ask(page: Page, prompt: str) -> None:
    page.get_by_label("Your prompt").fill(prompt)
    page.keyboard.press("Enter")


def stored(page: Page) -> list[str]:
    """Return what the chat has of the conversation that is shown."""
    taken = page.url.rpartition("#")[2]
    answer = page.request.get(f"{page.url.partition('#')[0]}conversations/{taken}/messages?last=50")
    return [message["content"] for message in answer.json()["messages"]]


def test_a_reply_grows_while_the_model_speaks(page: Page, spoken: SpokenModel) -> None:
    speaker = spoken.speaker()
    ask(page, "Go on.")
    speaker.begin()
    speaker.say("# One\n\nFirst **bo")
    expect(page.locator(GROWING)).to_have_text("One\nFirst **bo", use_inner_text=True)
    kept = page.locator(f"{GROWING} > h4").element_handle()
    speaker.say("ld**\n\n- a\n- b")
    expect(page.locator(f"{GROWING} strong")).to_have_text("bold")
    expect(page.locator(f"{GROWING} li")).to_have_count(2)
    assert kept.evaluate("node => node.isConnected")  # what does not change is not drawn anew
    assert stored(page) == ["Hi.", "Hello there."]
    speaker.end()

    expect(page.locator(".growing")).to_have_count(0)
    expect(page.locator(".message.assistant").last).to_contain_text("First bold")
    expect(page.locator(".message.assistant .receipt")).to_have_count(2)
    assert stored(page)[-1] == "# One\n\nFirst **bold**\n\n- a\n- b"


@pytest.mark.parametrize("way", ["the button", "the key"])
def test_stop_keeps_what_had_come(page: Page, spoken: SpokenModel, way: str) -> None:
    speaker = spoken.speaker()
    ask(page, "Tell me all.")
    speaker.begin()
    speaker.say("The first half")
    expect(page.locator(GROWING)).to_have_text("The first half")
    if way == "the button":
        page.get_by_role("button", name="Stop", exact=True).click()
    else:
        page.keyboard.press("Escape")
    speaker.say(" and more")  # on one of the builds, the next word tells that nobody listens

    expect(page.locator(".message.assistant").last).to_contain_text(STOPPED)
    expect(page.locator(".working")).to_have_count(0)
    assert stored(page) == ["Hi.", "Hello there.", "Tell me all.", "The first half"]
    assert speaker.left.wait(20)

    page.reload()
    expect(page.locator(".message.assistant").last).to_contain_text(STOPPED)
    later = spoken.answer_at_once("I do.")
    ask(page, "You know of it?")
    expect(page.locator(".message.assistant").last).to_contain_text("I do.")
    assert "The first half" in json.dumps(later.request["messages"])


def test_a_first_turn_that_is_stopped_leaves_nothing(
    new_visitor: Callable[..., Visitor], spoken: SpokenModel
) -> None:
    visitor = new_visitor()
    speaker = spoken.speaker()
    ask(visitor.page, "Hello?")
    speaker.begin()
    speaker.say("Hel")
    expect(visitor.page.locator(GROWING)).to_have_text("Hel")
    visitor.page.get_by_role("button", name="Stop", exact=True).click()
    speaker.say("lo")

    expect(visitor.page.locator(".failed")).to_contain_text("Nothing of it is kept")
    assert speaker.left.wait(20)
    assert visitor.listed() == []


def test_an_error_in_the_middle_is_said_and_the_turn_can_be_tried_again(
    page: Page, spoken: SpokenModel
) -> None:
    speaker = spoken.speaker()
    ask(page, "Go on.")
    speaker.begin()
    speaker.say("Half")
    expect(page.locator(GROWING)).to_have_text("Half")
    speaker.send(b"")
    expect(page.locator(".failed")).to_contain_text("No reply")
    spoken.answer_at_once("Whole.")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(".message.assistant").last).to_contain_text("Whole.")
    assert stored(page) == ["Hi.", "Hello there.", "Go on.", "Whole."]


def test_a_prompt_is_edited_in_a_branch(page: Page, spoken: SpokenModel) -> None:
    spoken.answer_at_once("Second.")
    ask(page, "Go on.")
    expect(page.locator(".message.assistant:not(.growing)")).to_have_count(2)
    old = page.url
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Your prompt")).to_have_value("Go on.")
    expect(page.locator("#branching")).to_be_visible()
    spoken.answer_at_once("Otherwise.")
    ask(page, "Go back.")

    expect(page.locator(".message.assistant").last).to_contain_text("Otherwise.")
    expect(page.locator(SAID)).to_have_text(["Hi.", "Hello there.", "Go back.", "Otherwise."])
    assert page.url != old
    assert stored(page) == ["Hi.", "Hello there.", "Go back.", "Otherwise."]
    page.goto(old)
    expect(page.locator(SAID)).to_have_text(["Hi.", "Hello there.", "Go on.", "Second."])


def test_a_reply_is_asked_for_again_in_a_branch(page: Page, spoken: SpokenModel) -> None:
    old = page.url
    spoken.answer_at_once("Good day.")
    page.locator(".message.assistant").hover()
    page.get_by_role("button", name="Ask again").click()

    expect(page.locator(SAID)).to_have_text(["Hi.", "Good day."])
    assert page.url != old
    assert stored(page) == ["Hi.", "Good day."]


def test_receipts_are_there_after_a_reload(page: Page) -> None:
    expect(page.locator(".receipt")).to_have_count(1)
    told = page.locator(".receipt summary").inner_text()
    page.reload()

    expect(page.locator(".receipt summary")).to_have_text(told)
