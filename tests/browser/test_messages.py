"""What can be done with a message, what a turn that fails says, and two windows at once."""

import pathlib
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor
from tests.e2e.streaming import SpokenModel
from tests.running import (
    Answer,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    default_answer,
    run_host,
)

SAID = ".message .content"
BUSY = "Another window is writing in this conversation."


def do(message: Locator, name: str) -> None:
    message.hover()
    message.get_by_role("button", name=name, exact=True).click()


def test_the_actions_of_a_message_are_icons_with_names_that_hover_and_focus_show(
    visitor: Visitor,
) -> None:
    visitor.say("First.")
    visitor.say("Second.")
    page = visitor.page
    first = page.locator(".message.assistant").first
    actions = first.locator(".actions")

    names = [button.get_attribute("aria-label") for button in actions.get_by_role("button").all()]
    assert names == ["Copy", "Ask again", "Remember", "Forget"]
    titles = [button.get_attribute("title") for button in actions.get_by_role("button").all()]
    assert titles == names
    assert actions.get_by_role("button").all_inner_texts() == [""] * 4
    assert re.search(r"[0-9]:[0-9]{2}", actions.locator("time").inner_text())
    page.get_by_label("Your prompt").hover()
    expect(actions).to_have_css("opacity", "0")
    first.hover()
    expect(actions).to_have_css("opacity", "1")
    page.get_by_label("Your prompt").hover()
    actions.get_by_role("button").first.focus()
    expect(actions).to_have_css("opacity", "1")
    mine = page.locator(".message.user").first
    expect(mine.get_by_role("button", name="Edit")).to_have_count(1)


def test_a_message_is_forgotten_unless_that_is_undone(visitor: Visitor) -> None:
    visitor.say("Forget me.")
    visitor.say("Keep me.")
    page = visitor.page
    do(page.locator(".message.user").first, "Forget")
    expect(page.locator(SAID).first).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(SAID).first).to_be_visible()

    do(page.locator(".message.user").first, "Forget")
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        page.wait_for_timeout(100)
    assert answer.value.status == 200
    page.reload()

    expect(page.locator(SAID)).to_have_text(["Fine.", "Keep me.", "Fine."])


def test_what_cannot_be_remembered_is_said_to_be_so(visitor: Visitor) -> None:
    visitor.say("Remember me.")

    do(visitor.page.locator(".message.user"), "Remember")

    expect(visitor.page.get_by_role("alert")).to_have_text(
        "Memory across conversations is not switched on here."
    )


class TestMemory:
    """What is remembered, with the demo model."""

    @pytest.fixture
    def chat(self, memory_chat: RunningHost) -> RunningHost:
        return memory_chat

    def test_a_message_is_remembered_for_other_conversations(self, visitor: Visitor) -> None:
        visitor.say("Thank you!")  # too short to be remembered by itself
        page = visitor.page
        do(page.locator(".message.user"), "Remember")
        expect(page.get_by_role("status").filter(has_text="Remembered")).to_be_visible()

        listed = page.request.get(f"{visitor.url}/memories?limit=10").json()["memories"]
        assert "Thank you!" in [memory["content"] for memory in listed]


DELETE = "id => fetch(`/conversations/${id}`, { method: 'DELETE' }).then(({ status }) => status)"


def ask(page: Page, prompt: str) -> Locator:
    page.get_by_label("Your prompt").fill(prompt)
    page.keyboard.press("Enter")
    return page.locator(".failed")


def test_a_prompt_that_is_too_long_can_be_shortened(visitor: Visitor) -> None:
    visitor.say("Hi.")
    page = visitor.page
    failed = ask(page, "word " * 12_000)
    expect(failed).to_contain_text("This is longer than the model can read. It says: ")
    failed.get_by_role("button", name="Shorten it").click()

    expect(page.get_by_label("Your prompt")).to_have_value(re.compile("^word word"))
    expect(page.locator(SAID)).to_have_text(["Hi.", "Fine."])


def test_a_prompt_that_has_no_conversation_any_more_begins_one(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    visitor.say("Hi.")
    page = visitor.page
    assert page.evaluate(DELETE, page.url.rpartition("#")[2]) == 200
    failed = ask(page, "Are you there?")
    expect(failed).to_contain_text("This conversation is not there: it was deleted")
    failed.get_by_role("button", name="New conversation").click()

    expect(page.get_by_label("Your prompt")).to_have_value("Are you there?")
    endpoint.answer = lambda _: default_answer("I am.")
    page.get_by_label("Your prompt").press("Enter")
    expect(page.locator(SAID)).to_have_text(["Are you there?", "I am."])


class TestLimits:
    """A chat in which little is allowed."""

    @pytest.fixture
    def chat(
        self, wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
    ) -> Iterator[RunningHost]:
        assert wasm.exists()
        variables = [
            f"redis_address={shared_redis.address}", "key_prefix=little",
            "rate_per_owner_per_minute=2", "conversations_per_owner=1",
        ]  # fmt: skip
        config = ["--runtime-config-file", "runtime-config.toml"]
        with run_host(tmp_path, *config, *as_flags(variables)) as host:
            yield host

    def test_who_has_to_wait_sees_for_how_long(self, visitor: Visitor) -> None:
        visitor.say("Hello!")
        visitor.say("Thank you!")
        failed = ask(visitor.page, "How are you?")

        expect(failed).to_contain_text("That was a lot in one minute.")
        again = failed.get_by_role("button").first
        expect(again).to_have_text(re.compile("Try again in [0-9]+ s"))
        expect(again).to_be_disabled()
        left = again.inner_text()
        expect(again).not_to_have_text(left)

    def test_who_has_no_room_left_is_led_to_what_is_kept(self, visitor: Visitor) -> None:
        visitor.say("Hello!")
        visitor.page.get_by_role("button", name="New conversation").click()
        failed = ask(visitor.page, "How are you?")

        expect(failed).to_contain_text("There is no room for more: forget something first.")
        failed.get_by_role("link", name="Your data").click()
        expect(visitor.page.get_by_role("heading", name="Your data")).to_be_visible()


def test_a_model_that_fails_leaves_the_prompt_to_be_changed(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: Answer(b"", 500)
    failed = ask(visitor.page, "Wrogn.")
    expect(failed).to_contain_text("The model gave no whole reply.")
    failed.get_by_role("button", name="Edit").click()

    expect(visitor.page.get_by_label("Your prompt")).to_have_value("Wrogn.")


class TestTwoWindows:
    """The same conversation in two windows, while the model speaks in one of them."""

    @pytest.fixture
    def chat(self, speaking_chat: RunningHost) -> RunningHost:
        return speaking_chat

    @pytest.fixture
    def windows(
        self, new_visitor: Callable[..., Visitor], spoken: SpokenModel
    ) -> tuple[Page, Page]:
        visitor = new_visitor()
        spoken.answer_at_once("Hello.")
        visitor.say("Hi.")
        second = visitor.new_page()
        second.goto(visitor.page.url)
        expect(second.locator(SAID)).to_have_text(["Hi.", "Hello."])
        return visitor.page, second

    def test_a_prompt_waits_for_the_other_windows_turn_and_is_then_sent(
        self, windows: tuple[Page, Page], spoken: SpokenModel
    ) -> None:
        first, second = windows
        speaker = spoken.speaker()
        ask(first, "Tell me.")
        speaker.begin()
        speaker.say("It was")
        expect(first.locator(".growing")).to_contain_text("It was")
        ask(second, "And then?")
        expect(second.locator(".working")).to_contain_text(BUSY)
        expect(second.locator(SAID)).to_have_text(["Hi.", "Hello.", "And then?"])
        spoken.answer_at_once("Then it ended.")
        speaker.say(" so.")
        speaker.end()

        whole = ["Hi.", "Hello.", "Tell me.", "It was so.", "And then?", "Then it ended."]
        expect(second.locator(SAID)).to_have_text(whole, timeout=15_000)
        expect(second.locator(".working")).to_have_count(0)
        second.reload()
        expect(second.locator(SAID)).to_have_text(whole)

    def test_who_waits_can_stop_waiting(
        self, windows: tuple[Page, Page], spoken: SpokenModel
    ) -> None:
        first, second = windows
        speaker = spoken.speaker()
        ask(first, "Tell me.")
        speaker.begin()
        speaker.say("It was")
        expect(first.locator(".growing")).to_contain_text("It was")
        ask(second, "And then?")
        expect(second.locator(".working")).to_contain_text(BUSY)
        second.get_by_role("button", name="Stop", exact=True).click()

        expect(second.locator(".failed")).to_contain_text("Stopped. Nothing of it is kept.")
        second.get_by_role("button", name="Edit").last.click()
        expect(second.get_by_label("Your prompt")).to_have_value("And then?")
        speaker.end()
        expect(first.locator(".growing")).to_have_count(0)
