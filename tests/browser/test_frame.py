"""The frame of the page: the first screen, the header with its menu, the drawer and the keys."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, act, link, press, violations
from tests.browser.kept import Kept, keep
from tests.running import ModelEndpoint, default_answer

LONG = "A title that is so long that it does not fit into any header of any page " * 2
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
FAR_MS = 60_000
"""Longer than a deletion can be undone."""


def asked(visitor: Visitor, path: str) -> int:
    """Return the status of what the visitor's browser asks for."""
    return visitor.context.request.get(visitor.url + path).status


def menu_item(page: Page) -> str:
    focused: str = page.locator(":focus").inner_text()
    return focused


def test_the_prompt_comes_first_and_the_rest_is_a_click_away(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    page = visitor.page
    prompt = page.get_by_label("Your prompt")
    expect(prompt).to_be_focused()
    expect(page.get_by_role("textbox")).to_have_count(1)
    box = prompt.bounding_box()
    assert box is not None
    assert 720 * 0.3 < box["y"] < 720 * 0.6

    press_example = page.get_by_role("list", name="Examples").get_by_role("button").first
    press_example.click()
    expect(prompt).to_be_focused()
    expect(prompt).to_have_value(re.compile("^Remember that I train on Mondays"))
    page.locator("#who summary").click()
    page.get_by_label("Who should the assistant be?").fill("You are a sailor.")
    visitor.say("Ahoy!")
    assert "You are a sailor." in endpoint.asked[0].prompt
    expect(press_example).to_be_hidden()

    for _ in range(2):
        page.get_by_role("button", name=re.compile("tokens of context")).click()
        expect(page.get_by_text("You are a sailor.")).to_be_visible()
        page.reload()
        expect(page.locator(".message")).to_have_count(2)


def test_the_budget_is_the_same_after_a_turn_and_after_a_reload(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: default_answer("A reply of words.", 40 * len(endpoint.asked), 9)
    page = visitor.page
    ring = page.get_by_role("button", name=re.compile(r"^At most [0-9,]+ of [0-9,]+ tokens"))
    visitor.say("One.")
    first = str(ring.get_attribute("aria-label"))
    visitor.say("Two.")
    expect(ring).not_to_have_attribute("aria-label", first)
    told = str(ring.get_attribute("aria-label"))

    page.reload()

    expect(ring).to_have_attribute("aria-label", told)
    expect(ring).to_have_attribute("title", told)
    ring.click()
    expect(page.locator("#budget-label")).to_have_text(f"{told}.")


def test_the_header_is_one_line_on_a_phone(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 780})
    visitor.say("Hello.")
    act(page, "Rename")
    page.get_by_label("Title").fill(LONG)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=LONG[:40])).to_be_visible()

    header = page.locator("#top").bounding_box()
    assert header is not None
    assert header["height"] <= 56
    for part in ("#toggle-sidebar", "#title", "#budget", "#menu-button"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] >= header["y"]
        assert box["y"] + box["height"] <= header["y"] + header["height"]
        assert box["x"] + box["width"] <= 390
    assert page.evaluate(SIDEWAYS) is False


def test_the_menu_is_used_with_the_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("Hello.")
    opener = page.get_by_role("button", name="Conversation menu")
    opener.focus()
    page.keyboard.press("Enter")
    assert menu_item(page) == "Rename"
    expect(opener).to_have_attribute("aria-expanded", "true")
    walked = []
    for key in ("ArrowDown", "ArrowUp", "ArrowUp", "ArrowDown", "End", "Home", "e", "ArrowDown"):
        page.keyboard.press(key)
        walked.append(menu_item(page))
    assert walked == ["Pin", "Rename", "Delete", "Rename", "Delete", "Rename", "Export", "Delete"]

    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(page.get_by_role("menu")).to_be_hidden()
    page.keyboard.press("ArrowUp")
    assert menu_item(page) == "Delete"
    page.keyboard.press("Tab")
    expect(page.get_by_role("menu")).to_be_hidden()
    opener.click()
    page.locator("#history").click()
    expect(page.get_by_role("menu")).to_be_hidden()
    expect(opener).to_have_attribute("aria-expanded", "false")


def test_a_conversation_is_renamed_pinned_and_branched(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("Name me.")
    act(page, "Rename")
    page.get_by_label("Title").fill("Bread")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bread")).to_be_visible()
    act(page, "Rename")
    page.get_by_label("Title").fill("Bread <b>")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Bread <b>"])

    act(page, "Pin")
    expect(page.get_by_role("navigation").get_by_role("heading", level=3)).to_have_text(["Pinned"])
    old = page.url
    act(page, "Branch")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(2)
    assert page.url != old
    expect(page.locator(".message .content")).to_have_text(["Name me.", "Fine."])
    press(page, "Conversation menu")
    expect(page.get_by_role("menuitem", name="Pin", exact=True)).to_be_visible()
    page.goto(old)
    press(page, "Conversation menu")
    page.get_by_role("menuitem", name="Unpin").click()
    expect(page.get_by_role("navigation").get_by_role("heading", level=3)).to_have_text(["Today"])


def test_a_conversation_is_exported_as_a_text(visitor: Visitor, endpoint: ModelEndpoint) -> None:
    endpoint.answer = lambda _: default_answer("| a | b |\n|---|---|\n| 1 | 2 |")
    page = visitor.page
    visitor.say("Make a table: now!")
    with page.expect_download() as download:
        act(page, "Export")

    assert download.value.suggested_filename == "Make-a-table-now.md"
    text = download.value.path().read_text()
    assert text.startswith("# Make a table: now!\n\n> You are a helpful assistant.\n\n## You, ")
    assert text.endswith("\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")


def test_a_deletion_can_be_undone_with_all_that_there_was(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("Keep me.")
    path = f"/conversations/{page.url.rpartition('#')[2]}"
    listed = page.get_by_role("navigation").get_by_role("link")
    act(page, "Delete")
    expect(page.get_by_text("Deleted “Keep me.”.")).to_be_visible()
    expect(listed).to_have_count(0)
    expect(page.get_by_text("What is on your mind?")).to_be_visible()
    assert asked(visitor, path) == 200

    press(page, "Undo")

    expect(listed).to_have_text(["Keep me."])
    expect(page.locator(".message .content")).to_have_text(["Keep me.", "Fine."])
    act(page, "Delete")
    page.go_back()  # to it: then it is meant to stay
    expect(page.locator(".message .content")).to_have_text(["Keep me.", "Fine."])
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    assert asked(visitor, path) == 200


@pytest.mark.parametrize("end", ["time", "leaving", "the next one"])
def test_a_deletion_is_done_when_it_can_no_longer_be_undone(visitor: Visitor, end: str) -> None:
    page = visitor.page
    page.clock.install()
    page.reload()
    visitor.say("Forget me.")
    path = f"/conversations/{page.url.rpartition('#')[2]}"
    press(page, "New conversation")
    visitor.say("Me, too.")
    page.get_by_role("link", name="Forget me.").click()
    act(page, "Delete")
    assert asked(visitor, path) == 200

    if end == "time":
        page.clock.fast_forward(FAR_MS)
    elif end == "leaving":
        page.goto("about:blank")
    else:
        page.get_by_role("link", name="Me, too.").click()
        act(page, "Delete")

    for _ in range(100):
        if asked(visitor, path) == 404:
            break
        visitor.page.wait_for_timeout(50) if end != "time" else page.clock.run_for(50)
    assert asked(visitor, path) == 404


def test_views_have_addresses_and_the_way_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("Hello.")
    conversation = page.url
    link(page, "Memories")
    expect(page.get_by_role("heading", level=1)).to_have_text("Memories")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    link(page, "Your data")
    assert page.url.endswith("#data")
    expect(page).to_have_title("Your data · Chat with memory")
    expect(page.get_by_role("link", name="Your data")).to_have_attribute("aria-current", "page")

    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Memories")
    page.go_back()
    assert page.url == conversation
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello.")
    expect(page.locator(".message")).to_have_count(2)
    expect(page.get_by_label("Your prompt")).to_be_focused()
    page.goto(f"{visitor.url}#data")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data")


def test_a_first_reply_comes_while_another_view_is_shown(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_label("Your prompt").fill("Hello.")
    page.keyboard.press("Enter")
    link(page, "Your data")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)
    assert page.url.endswith("#data")
    expect(page).to_have_title("Your data · Chat with memory")

    page.get_by_role("link", name="Hello.").click()

    expect(page.locator(".message .content")).to_have_text(["Hello.", "Fine."])
    visitor.say("And on.")
    assert len(visitor.said()) == 4


def test_keys_search_begin_and_are_listed(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("Hello.")
    page.keyboard.press("Control+Shift+O")
    expect(page.get_by_text("What is on your mind?")).to_be_visible()
    expect(page.get_by_label("Your prompt")).to_be_focused()
    page.keyboard.type("Why?")
    expect(page.get_by_label("Your prompt")).to_have_value("Why?")
    page.keyboard.press("Control+K")
    expect(page.get_by_label("Words in your conversations")).to_be_focused()
    page.keyboard.type("?")
    expect(page.get_by_role("dialog")).to_be_hidden()

    page.get_by_role("heading", level=1).click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Search your conversations")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    press(page, "Keys ?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_the_list_is_a_drawer_on_a_narrow_screen(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 780})
    keep(page, [Kept("Bread"), Kept("Wine")])
    opener = page.get_by_role("button", name="Conversations")
    bread = page.get_by_role("link", name="Bread")
    expect(bread).to_be_hidden()
    opener.click()
    expect(bread).to_be_visible()
    expect(page.get_by_role("button", name="Close the list")).to_be_focused()
    assert page.locator("main").evaluate("(main) => main.inert") is True

    page.keyboard.press("Escape")
    expect(bread).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    bread.click()
    expect(bread).to_be_hidden()
    expect(page.get_by_role("heading", name="Bread")).to_be_visible()
    opener.click()
    page.mouse.click(380, 400)
    expect(bread).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_any_view(
    new_visitor: Callable[..., Visitor], scheme: str, width: int
) -> None:
    visitor = new_visitor(color_scheme=scheme)
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 780})
    page.locator("#who summary").click()
    assert violations(page) == []
    keep(page, [Kept("Bread", days) for days in (0, 1, 5, 20, 100)])
    assert violations(page) == []
    if width < 500:
        press(page, "Conversations")
        page.wait_for_timeout(300)  # until it is drawn out
        assert violations(page) == []
    page.get_by_role("link", name="Bread").first.click()
    press(page, "Conversation menu")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.locator("#budget").click()
    assert violations(page) == []
    act(page, "Delete")
    assert violations(page) == []
    for view in ("search/Good", "memories", "data"):
        page.goto(f"{visitor.url}#{view}")
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
    page.keyboard.press("?")
    assert violations(page) == []


@pytest.mark.parametrize("width", [320, 768, 2560])
def test_nothing_is_cut_off_at_any_width(visitor: Visitor, width: int) -> None:
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 700})
    keep(page, [Kept(LONG, said=("W" * 300, "W" * 300))])
    views = ["", "search/good", "memories", "data"]
    views.append(page.locator("#list a").first.get_attribute("href").removeprefix("#"))  # type: ignore[union-attr]
    for view in views:
        page.goto(f"{visitor.url}#{view}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate(SIDEWAYS) is False
        for inside in page.locator("main :is(button, input, textarea, a):visible").all():
            box = inside.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
