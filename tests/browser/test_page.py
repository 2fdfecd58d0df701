"""The page as a visitor finds it, in a real browser on the real component."""

import base64
import gzip
import hashlib
import itertools
import pathlib
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, link, press, violations
from tests.running import (
    Answer,
    Held,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    default_answer,
    run_host,
)

TALK = ["Hello!", "How are you?", "Thank you!"]
MAX_PAGE_BYTES = 150_000
"""How much the whole page may be, compressed."""


def test_a_first_visit_is_private_before_anything_is_said(
    chat: RunningHost, new_visitor: Callable[..., Visitor]
) -> None:
    visitor = new_visitor()
    visitor.page.locator("#list-empty").wait_for()  # the list is read with the credential
    (cookie,) = visitor.context.cookies()

    assert cookie["httpOnly"] is True
    assert cookie["sameSite"] == "Lax"
    visitor.say("This is mine.")
    taken = int(visitor.page.url.rpartition("#")[2])
    assert chat.client.get(f"/conversations/{taken}").status_code == 404
    assert cookie["value"] not in visitor.page.content()


def test_two_conversations_a_reload_and_the_way_back(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda asked: default_answer(f"Heard {len(asked.prompt)} letters.")
    page = visitor.page
    page.locator("#who summary").click()
    press(page, "A teacher")
    visitor.say("The first one.")
    assert "You are a patient teacher." in endpoint.asked[0].prompt
    press(page, "New conversation")
    visitor.say("The second one.")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(2)
    assert visitor.listed() == ["The second one.", "The first one."]

    page.reload()
    expect(page.locator(".message")).to_have_count(2)
    assert visitor.said()[0] == "The second one."
    expect(page.get_by_role("heading", name="The second one.")).to_be_visible()

    page.get_by_role("link", name="The first one.").click()
    expect(page.locator(".message .content").first).to_have_text("The first one.")
    visitor.say("Once more.")
    assert visitor.said()[2] == "Once more."
    page.go_back()
    expect(page.locator(".message .content").first).to_have_text("The second one.")


def test_another_browser_sees_nothing_of_the_first(new_visitor: Callable[..., Visitor]) -> None:
    first, second = new_visitor(), new_visitor()
    first.say("Mine alone.")
    address = first.page.url

    second.page.goto(address)

    expect(second.page.get_by_role("alert")).to_contain_text("This conversation is not there")
    assert second.listed() == []
    assert "Mine alone." not in second.page.content()


HOSTILE = """<img src=x onerror="document.title='owned'">
</script><script>document.title='owned'</script>
[click](javascript:document.title='owned') [data](data:text/html,owned) <a href="javascript:1">x</a>
**bold <b>not</b>** `code <i>`

```html
<script>document.title='owned'</script>
```
"""


def test_hostile_text_stays_text(visitor: Visitor, endpoint: ModelEndpoint) -> None:
    endpoint.answer = lambda _: default_answer(HOSTILE)
    page = visitor.page
    visitor.say(HOSTILE)
    page.reload()
    expect(page.locator(".message")).to_have_count(2)

    shown = page.locator(".message .content")
    for inside in ("img", "script", "a", "b", "i"):
        expect(shown.locator(inside)).to_have_count(0)
    prompt, reply = (shown.nth(place).inner_text() for place in (0, 1))
    assert prompt.strip() == HOSTILE.strip()
    assert '<img src=x onerror="document.title=' in reply
    assert "[click](javascript:document.title='owned')" in reply
    assert shown.nth(1).locator("strong").inner_text() == "bold <b>not</b>"
    assert shown.nth(1).locator("pre").inner_text().strip() == (
        "<script>document.title='owned'</script>"
    )
    assert "owned" not in page.evaluate("document.title").replace("document.title='owned'", "")


MARKDOWN = """# Rye bread

Bake it *slowly*, at **200 degrees**, as in [the book](https://bread.test/rye) or https://bread.test.

1. flour
2. water
   - warm

> Patience.

`salt` and snake_case_name and 2 * 3 * 4
"""


RICH = f"""
## Order

| flour | water | {" | ".join(f"column {number}" for number in range(20))} |
|:--|--:|{"---|" * 20}
| ~~500 g~~ | `350 g` | {" | ".join("x" * 20 for _ in range(20))} |

- [x] mix
- [ ] bake

```python
# {"a long remark " * 30}
def bake(degrees: int = 200) -> str:
    return f"{{degrees}} degrees"
```

```
{"x" * 300}
```

It is $E = m c^2$, and

$$
{"a_1 + " * 100} b
$$

{"W" * 300}
"""


def test_markdown_is_shown_as_what_it_means(visitor: Visitor, endpoint: ModelEndpoint) -> None:
    endpoint.answer = lambda _: default_answer(MARKDOWN)
    visitor.say("How?")

    reply = visitor.page.locator(".assistant .content")
    assert reply.locator("h4").inner_text() == "Rye bread"
    assert reply.locator("em").all_inner_texts() == ["slowly"]
    assert reply.locator("strong").inner_text() == "200 degrees"
    assert reply.locator("ol > li").count() == 2
    assert reply.locator("ol ul li").inner_text() == "warm"
    assert reply.locator("blockquote").inner_text() == "Patience."
    assert reply.locator("code").inner_text() == "salt"
    assert "snake_case_name and 2 * 3 * 4" in reply.inner_text()
    links = [
        (link.get_attribute("href"), link.get_attribute("rel")) for link in reply.locator("a").all()
    ]
    safe = "noopener noreferrer nofollow"
    assert links == [("https://bread.test/rye", safe), ("https://bread.test/", safe)]


def test_code_and_messages_are_copied_as_they_are(
    new_visitor: Callable[..., Visitor], endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: default_answer("So:\n```py\nprint(1 < 2)\n\nprint(2)\n```")
    visitor = new_visitor(permissions=["clipboard-read", "clipboard-write"])
    visitor.say("*Show me.*")
    read = "navigator.clipboard.readText()"

    press(visitor.page, "Copy code")
    assert visitor.page.evaluate(read) == "print(1 < 2)\n\nprint(2)"
    visitor.page.locator(".user").hover()
    visitor.page.locator(".user").get_by_role("button", name="Copy").click()
    assert visitor.page.evaluate(read) == "*Show me.*"


def test_an_error_says_what_went_wrong_and_can_be_tried_again(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: Answer(b"", 500)
    page = visitor.page
    page.get_by_label("Your prompt").fill("Are you there?")
    press(page, "Send")
    failed = page.locator(".failed")
    expect(failed).to_contain_text("The model gave no whole reply.")
    assert visitor.listed() == []

    endpoint.answer = lambda _: default_answer("Here I am.")
    press(page, "Try again")

    expect(page.locator(".assistant .content")).to_have_text("Here I am.")
    expect(failed).to_have_count(0)
    assert visitor.said() == ["Are you there?", "Here I am."]


def test_a_prompt_that_failed_can_be_written_anew(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: Answer(b"", 500)
    page = visitor.page
    page.get_by_label("Your prompt").fill("Wrogn.")
    page.keyboard.press("Enter")
    press(page, "Edit")

    expect(page.get_by_label("Your prompt")).to_have_value("Wrogn.")
    expect(page.locator(".message")).to_have_count(0)
    expect(page.get_by_text("What is on your mind?")).to_be_visible()


def test_a_reply_that_is_worked_on_is_seen_and_need_not_be_waited_for(
    visitor: Visitor, endpoint: ModelEndpoint
) -> None:
    held = Held("Late, but here.")
    endpoint.answer = held
    page = visitor.page
    page.get_by_label("Your prompt").fill("Take your time.")
    page.keyboard.press("Enter")
    expect(page.locator(".working")).to_contain_text("Working on the reply")
    expect(page.get_by_role("status").first).to_have_text("Working on the reply")
    held.await_request()
    press(page, "Stop")

    expect(page.locator(".working")).to_have_count(0)
    expect(page.locator(".failed")).to_contain_text("Stopped. Nothing of it is kept.")
    held.let_go()
    ask_until_answered(page)
    assert visitor.said() == ["Take your time.", "Late, but here."]
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)


def ask_until_answered(page: Page) -> None:
    """Try again for as long as the first request may still be running."""
    for _ in range(50):
        press(page, "Try again")
        page.locator(".failed, .assistant").first.wait_for()
        if page.locator(".assistant").count():
            return
        page.wait_for_timeout(100)
    raise AssertionError(page.locator("#messages").inner_text())


def test_the_history_comes_as_it_is_scrolled_to(visitor: Visitor) -> None:
    page = visitor.page
    visitor.say("Message 0")
    add = """async (id) => {
      const said = (n) => ({ role: "user", content: `Message ${n}` });
      const messages = Array.from({ length: 60 }, (_, n) => said(n + 1));
      const answer = await fetch(`/conversations/${id}/messages`,
        { method: "POST", body: JSON.stringify({ messages }) });
      return answer.status;
    }"""
    assert page.evaluate(add, int(page.url.rpartition("#")[2])) == 201
    page.reload()
    expect(page.locator(".message .content").last).to_have_text("Message 60")
    expect(page.locator(".message .content").last).to_be_in_viewport()
    assert page.locator(".message").count() < 62

    for _ in range(20):
        page.locator("#history").evaluate("(element) => element.scrollTop = 0")
        page.wait_for_timeout(50)
    expect(page.locator(".message")).to_have_count(62)
    wanted = ["Message 0", "Fine.", *(f"Message {number}" for number in range(1, 61))]
    assert visitor.said() == wanted
    expect(page.get_by_role("button", name="Show earlier messages")).to_be_hidden()


def test_memories_that_are_off_are_said_to_be_so(visitor: Visitor) -> None:
    link(visitor.page, "Memories")
    state = visitor.page.locator("#memories-state")
    expect(state).to_have_text("Memory across conversations is not switched on here.")


def test_a_page_without_cookies_says_that_it_needs_them(visitor: Visitor) -> None:
    page = visitor.page
    page.route("**/session", lambda route: route.fulfill(status=201, json={"token": "kept away"}))
    visitor.context.clear_cookies()
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Allow cookies for this page")


def test_a_credential_that_is_lost_is_replaced_before_anything_is_said(
    chat: RunningHost, visitor: Visitor
) -> None:
    visitor.context.clear_cookies()
    visitor.say("Still private.")

    taken = int(visitor.page.url.rpartition("#")[2])
    assert chat.client.get(f"/conversations/{taken}").status_code == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [2560, 1100, 320])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    new_visitor: Callable[..., Visitor], endpoint: ModelEndpoint, scheme: str, width: int
) -> None:
    endpoint.answer = lambda _: default_answer(MARKDOWN + RICH)
    visitor = new_visitor(color_scheme=scheme)
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 700})
    assert violations(page) == []
    visitor.say("W" * 300)
    page.locator(".receipt summary").click()
    assert violations(page) == []
    endpoint.answer = lambda _: Answer(b"", 500)
    page.get_by_label("Your prompt").fill("Fail.")
    page.keyboard.press("Enter")
    page.locator(".failed").wait_for()
    assert violations(page) == []
    sideways = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert page.evaluate(sideways) is False


def test_the_keyboard_is_enough(visitor: Visitor) -> None:
    page = visitor.page
    focused = page.locator(":focus")
    reached = set()
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if focused.count():
            reached.add(focused.evaluate("(e) => e.id || e.textContent.trim()"))
    assert {"new", "open-search", "open-memories", "open-data", "prompt", "send"} <= reached
    page.get_by_label("Your prompt").focus()
    page.keyboard.type("One line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and another")
    page.keyboard.press("Enter")
    page.locator(".assistant").wait_for()
    assert visitor.said()[0] == "One line\nand another"
    expect(page.get_by_role("status").first).to_have_text("Assistant: Fine.")
    address = page.url
    page.get_by_role("link", name="Skip to the prompt").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your prompt")).to_be_focused()
    assert page.url == address
    assert len(visitor.said()) == 2


def test_the_files_are_kept_by_the_browser_and_asked_for_when_they_change(
    chat: RunningHost,
) -> None:
    first = chat.client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = chat.client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    changed = chat.client.get("/", headers={"if-none-match": '"another"'})
    assert changed.content == first.content

    (script,) = re.findall(r'src="(/web/[0-9a-f]{16}/app.js)"', first.text)
    kept = chat.client.get(script)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"] == "text/javascript; charset=utf-8"
    old = chat.client.get("/web/0000000000000000/app.js")
    assert (old.content, old.headers["cache-control"]) == (kept.content, "no-cache")
    assert chat.client.head("/").headers["content-type"] == "text/html; charset=utf-8"
    for path in ("/web/x/nothing.js", "/web/x/..%2fapp.py", "/web/app.js", "/web/"):
        assert chat.client.get(path).status_code == 404


def test_the_page_is_small_brings_its_style_and_asks_for_one_script(chat: RunningHost) -> None:
    first = chat.client.get("/").text
    asked = re.findall(r'(?:href|src)="(/web/[^"]+)"', first)
    served = [first.encode(), *(chat.client.get(path).content for path in asked)]

    assert [path.rpartition("/")[2] for path in asked] == ["icon.svg", "app.js"]
    assert sum(len(gzip.compress(body)) for body in served) <= MAX_PAGE_BYTES
    assert first.count("<style>") == 1
    assert re.findall(r"<script(?! type=\"module\" src=)|<style |style=| on\w+=", first) == []


def test_the_page_may_only_do_what_it_does(chat: RunningHost) -> None:
    page = chat.client.get("/")
    policy = page.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    mark = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{mark}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:", policy)
    assert "require-trusted-types-for 'script'" in policy


class TestSummary:
    """A summary of what was evicted, which the demo model writes as well as it can."""

    @pytest.fixture
    def chat(
        self, wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
    ) -> Iterator[RunningHost]:
        assert wasm.exists()
        flags = as_flags(
            [
                f"redis_address={shared_redis.address}", "context_length=700",
                "max_reply_tokens=60", "summary_tokens=20",
            ]
        )  # fmt: skip
        with run_host(tmp_path, "--runtime-config-file", "runtime-config.toml", *flags) as host:
            yield host

    def test_a_receipt_says_which_turns_were_seen_as_a_summary(self, visitor: Visitor) -> None:
        page = visitor.page
        page.locator("#who summary").click()
        press(page, "A chef")
        receipts = page.locator(".receipt summary").filter(has_text="A summary of")
        for prompt in itertools.islice(itertools.cycle(TALK), 60):
            visitor.say(prompt)
            if receipts.count():
                break

        receipts.last.click()

        receipt = page.locator(".receipt").last
        expect(receipt).to_contain_text("Seen as a summary: turns 1 to")
        expect(receipt).to_contain_text("The summary as it is now")
