"""The view "Your data"."""

import json
import pathlib
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visitor, link, press
from tests.browser.kept import Kept, keep


def token_of(visitor: Visitor) -> str:
    (cookie,) = visitor.context.cookies()
    return str(cookie["value"])


def test_what_is_kept_and_how_long_is_said_as_it_is_set(visitor: Visitor) -> None:
    page = visitor.page
    keep(page, [Kept("Bread"), Kept("Wine")])
    link(page, "Your data")

    kept = page.locator("#kept li")
    expect(kept.first).to_have_text(
        "2 conversations. Each is kept for 30 days after its last turn "
        "(for 7 days if it came after a pause of 7 days). Pinned ones stay."
    )
    expect(kept.nth(1)).to_contain_text("memory across conversations is not switched on here")


def test_all_is_exported_erased_and_imported(visitor: Visitor, tmp_path: pathlib.Path) -> None:
    page = visitor.page
    visitor.say("Keep me.")
    link(page, "Your data")
    with page.expect_download() as download:
        link(page, "Export all")
    path = tmp_path / "mine.jsonl"
    download.value.save_as(path)
    assert json.loads(path.read_text().splitlines()[-1])["conversations"] == 1

    erase = page.get_by_role("button", name="Erase everything")
    expect(erase).to_be_disabled()
    page.get_by_label("Type “erase everything”").fill("erase")
    expect(erase).to_be_disabled()
    page.get_by_label("Type “erase everything”").fill("Erase everything")
    before = token_of(visitor)
    erase.click()
    expect(page.locator("#data-state")).to_contain_text("redis: erased (1 conversations")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(0)
    expect(erase).to_be_disabled()
    assert token_of(visitor) != before

    page.get_by_label("Import").set_input_files(path)
    expect(page.locator("#data-state")).to_have_text("Imported: 1 conversation, 0 memories.")
    expect(page.locator("#kept")).to_contain_text("1 conversation.")
    link(page, "Keep me.")
    expect(page.locator(".message .content")).to_have_text(["Keep me.", "Fine."])


def test_a_file_that_is_no_export_is_refused_in_words(
    visitor: Visitor, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "mine.jsonl").write_text("no export\n")
    link(visitor.page, "Your data")
    visitor.page.get_by_label("Import").set_input_files(tmp_path / "mine.jsonl")

    expect(visitor.page.locator("#data-state")).not_to_have_text("Importing …")
    expect(visitor.page.locator("#data-state")).not_to_be_empty()


def test_the_credential_is_shown_when_asked_for_and_used_in_another_browser(
    new_visitor: Callable[..., Visitor],
) -> None:
    first = new_visitor(permissions=["clipboard-read", "clipboard-write"])
    first.say("Mine.")
    link(first.page, "Your data")
    token = token_of(first)
    assert token not in first.page.content()
    press(first.page, "Show it")
    expect(first.page.locator("#credential")).to_have_text(token)
    press(first.page, "Hide it")
    expect(first.page.locator("#credential")).to_be_hidden()
    press(first.page, "Copy it")
    expect(first.page.get_by_role("button", name="Copied")).to_be_visible()
    assert first.page.evaluate("navigator.clipboard.readText()") == token

    second = new_visitor()
    link(second.page, "Your data")
    second.page.get_by_label("Use another credential").fill(f" {token}\n")
    press(second.page, "Use it")
    expect(second.page.get_by_role("navigation").get_by_role("link")).to_have_text(["Mine."])
    assert token_of(second) == token
    link(second.page, "Mine.")
    expect(second.page.locator(".message .content")).to_have_text(["Mine.", "Fine."])


def test_whoever_logs_out_is_somebody_else_and_can_come_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("Mine.")
    link(page, "Your data")
    token = token_of(visitor)
    press(page, "Log out")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(0)
    assert token_of(visitor) != token

    page.get_by_label("Use another credential").fill(token)
    press(page, "Use it")

    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Mine."])
