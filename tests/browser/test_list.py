"""The list of conversations, and the search through all of them."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.browser.kept import Kept, keep

OLD = [
    Kept("Rye bread", 0.0),
    Kept("Trip to Bergen", 1.0),
    Kept("Which bike", 4.0),
    Kept("Wedding speech", 20.0),
    Kept("Norwegian", 12.0, is_pinned=True),
    Kept("Tax", 400.0),
]
MANY = 130


def groups(page: Page) -> dict[str, list[str]]:
    """Return the titles in the list by their headings."""
    read = """(list) => [...list.querySelectorAll("h3")].map((heading) => [heading.textContent,
      [...heading.nextElementSibling.querySelectorAll("a")].map((link) => link.textContent)])"""
    return dict(page.locator("#list").evaluate(read))


def test_the_list_is_grouped_by_date_and_what_is_pinned_comes_first(visitor: Visitor) -> None:
    page = visitor.page
    keep(page, OLD)

    shown = groups(page)

    (last,) = list(shown)[-1:]
    assert re.fullmatch(r"[A-Z][a-z]+ [0-9]{4}", last)
    assert shown == {
        "Pinned": ["Norwegian"],
        "Today": ["Rye bread"],
        "Yesterday": ["Trip to Bergen"],
        "Previous 7 days": ["Which bike"],
        "Previous 30 days": ["Wedding speech"],
        last: ["Tax"],
    }


def test_a_conversation_is_pinned_from_the_list(visitor: Visitor) -> None:
    page = visitor.page
    keep(page, OLD[:2])
    pin = page.get_by_role("button", name="Pin Trip to Bergen")
    expect(pin).to_have_attribute("aria-pressed", "false")
    page.get_by_role("link", name="Trip to Bergen").hover()
    pin.click()

    expect(pin).to_have_attribute("aria-pressed", "true")
    expect(pin).to_be_focused()
    assert groups(page) == {"Pinned": ["Trip to Bergen"], "Today": ["Rye bread"]}
    page.reload()
    expect(pin).to_have_attribute("aria-pressed", "true")
    pin.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Yesterday")).to_be_visible()


def test_a_conversation_begun_by_a_program_has_the_title_of_its_first_prompt(
    visitor: Visitor,
) -> None:
    page = visitor.page
    begin = """async () => (await fetch("/", { method: "POST",
      body: JSON.stringify({ context: "", prompt: "Say how bread is baked." }) })).status"""
    assert page.evaluate(begin) == 200
    page.reload()

    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(
        ["Say how bread is baked."]
    )


def test_a_long_list_comes_as_it_is_scrolled_to(visitor: Visitor) -> None:
    page = visitor.page
    keep(page, [Kept(f"Talk {number}", number / 10) for number in range(MANY)])
    listed = page.get_by_role("navigation").get_by_role("link")
    expect(listed).to_have_count(50)

    for _ in range(100):
        page.locator("#list").evaluate("(list) => list.parentElement.scrollBy(0, 1000)")
        page.wait_for_timeout(30)
        if listed.count() == MANY:
            break

    assert visitor.listed() == [f"Talk {number}" for number in range(MANY)]
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    visitor.say("Hello.")
    expect(listed).to_have_count(MANY + 1)
    assert visitor.listed()[0] == "Hello."


def long_talk(found: str) -> Kept:
    """Return a conversation of hundreds of messages, of which an early one has these words."""
    said = [f"Message {number}" for number in range(300)]
    said[20] = found
    return Kept("A long talk", 2.0, said)


def test_a_search_finds_messages_and_opens_them_where_they_stand(visitor: Visitor) -> None:
    page = visitor.page
    found = "The <b>sourdough</b> of grandmother is baked with patience."
    keep(page, [long_talk(found), Kept("Wine", 1.0, ("Red or white?", "Baked apples go with it."))])
    page.keyboard.press("Control+K")
    page.keyboard.type("baking sourdoughs")
    hits = page.locator("#search-hits li")
    expect(hits.first).to_contain_text("A long talk")
    expect(hits.first.locator("mark")).to_have_text(["sourdough", "baked"])
    expect(page.locator("#search-state")).to_have_text("2 messages")
    assert page.url.endswith("#search/baking%20sourdoughs")

    hits.first.get_by_role("link").click()

    sought = page.locator(".message", has_text="grandmother")
    expect(sought).to_be_in_viewport()
    expect(sought).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("A long talk")
    page.go_back()
    expect(hits.first.locator("mark")).to_have_text(["sourdough", "baked"])
    page.reload()
    expect(page.get_by_label("Words in your conversations")).to_have_value("baking sourdoughs")
    expect(hits).to_have_count(2)


def test_a_search_that_finds_nothing_says_so(visitor: Visitor) -> None:
    page = visitor.page
    keep(page, OLD[:1])
    page.get_by_role("link", name="Search").click()
    page.keyboard.type("submarine")

    expect(page.locator("#search-state")).to_contain_text("Nothing found.")
    expect(page.locator("#search-hits li")).to_have_count(0)


def test_a_message_that_is_gone_is_said_to_be_so(visitor: Visitor) -> None:
    page = visitor.page
    (taken,) = keep(page, [Kept("Bread")])
    page.goto(f"{visitor.url}#{taken}/77.0")

    expect(page.get_by_role("alert")).to_have_text("This message is not kept any more.")
    expect(page.locator(".message")).to_have_count(2)


def test_titles_of_any_script_have_the_direction_of_their_words(
    new_visitor: Callable[..., Visitor],
) -> None:
    page = new_visitor().page
    keep(page, [Kept("שלום עולם", said=("שלום", "שלום לך"))])
    title = page.get_by_role("navigation").get_by_role("link")
    title.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("שלום עולם")
    page.evaluate("location.hash = '#search/' + encodeURIComponent('שלום')")
    expect(page.locator("#search-hits mark").first).to_have_text("שלום")

    direction = "(element) => getComputedStyle(element).direction"
    for shown in (title, page.locator(".snippet").first, page.locator("#title")):
        assert shown.evaluate(direction) == "rtl"
