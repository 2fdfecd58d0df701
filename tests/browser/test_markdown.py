"""What a reply's Markdown is shown as: nodes of what it means, at rest and while it grows."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor
from tests.e2e.streaming import Speaker, SpokenModel
from tests.running import ModelEndpoint, RunningHost, default_answer


@pytest.fixture
def show(visitor: Visitor, endpoint: ModelEndpoint) -> Callable[[str], Locator]:
    """Have the model reply with a text; return the node that shows it."""

    def shown(text: str) -> Locator:
        endpoint.answer = lambda _: default_answer(text)
        visitor.say("Show me.")
        return visitor.page.locator(".assistant .content").last

    return shown


Show = Callable[[str], Locator]


def test_a_table_has_cells_with_their_sides(show: Show) -> None:
    table = show("| What | Price |\n|:--|--:|\n| *bread* | 3 |\n| a \\| b | 4 |").locator("table")

    assert table.locator("th").all_inner_texts() == ["What", "Price"]
    assert table.locator("td").all_inner_texts() == ["bread", "3", "a | b", "4"]
    assert table.locator("td em").inner_text() == "bread"
    assert table.locator("td").nth(1).get_attribute("class") == "right"


def test_tasks_are_boxes_that_say_whether_they_are_done(show: Show) -> None:
    reply = show("- [x] flour\n- [ ] **salt**\n- [y] no task")

    boxes = reply.get_by_role("checkbox")
    expect(boxes).to_have_count(2)
    assert [box.is_checked() for box in boxes.all()] == [True, False]
    assert reply.locator("li").all_inner_texts() == ["flour", "salt", "[y] no task"]


def test_marks_stand_within_each_other(show: Show) -> None:
    reply = show("***both*** and **bold *and more* bold** and ~~gone **now**~~ and snake_case_name")

    assert reply.locator("em > strong, strong > em").first.inner_text() == "both"
    assert reply.locator("strong em").last.inner_text() == "and more"
    assert reply.locator("s strong").inner_text() == "now"
    assert reply.inner_text().endswith("and snake_case_name")


def test_code_is_coloured_under_its_language_and_copied_as_it_is(
    new_visitor: Callable[..., Visitor], endpoint: ModelEndpoint
) -> None:
    code = "def f(x):\n\treturn '<b>'  # 1 < 2\n\n\nf(1)"
    endpoint.answer = lambda _: default_answer(f"So:\n\n```py title=a\n{code}\n```\n")
    visitor = new_visitor(permissions=["clipboard-read", "clipboard-write"])
    visitor.say("Show me.")
    block = visitor.page.locator(".assistant .code")

    assert block.locator(".language").inner_text() == "py"
    assert block.locator("pre").text_content() == code
    assert block.get_attribute("dir") == "ltr"
    assert "def" in block.locator(".hljs-keyword").all_inner_texts()
    block.get_by_role("button", name="Copy code").click()
    assert visitor.page.evaluate("navigator.clipboard.readText()") == code


def test_code_in_no_known_language_stays_plain(show: Show) -> None:
    block = show("```brainsmith\n+[-->]\n```").locator(".code")

    assert block.locator(".language").inner_text() == "brainsmith"
    assert block.locator("pre").text_content() == "+[-->]"
    expect(block.locator("span[class^=hljs]")).to_have_count(0)


@pytest.mark.parametrize(
    "math",
    [
        "$a_1 * b_2 * c$",
        r"\(x_1 *y* \frac{a}{b}\)",
        r"\[ \sum_{i} **w**_i \]",
        "$$ a_1 * b_2 * c < d $$",
        "$$\na_1 * b_2\n\n- c * d\n$$",
        "\\[\na_1 *b*\n\\]",
    ],
)
def test_math_stays_as_it_is_written(show: Show, math: str) -> None:
    reply = show(f"It is\n\n{math}\n\nas *said*.")

    assert reply.locator(".math").text_content() == math
    assert reply.locator("em").all_inner_texts() == ["said"]


def test_prices_are_no_math(show: Show) -> None:
    reply = show("It costs $5 or $6, *not* $7-$8, and `$x` and `$y`.")

    expect(reply.locator(".math")).to_have_count(0)
    assert reply.inner_text() == "It costs $5 or $6, not $7-$8, and $x and $y."


def test_links_lead_only_to_the_web_and_to_mail(show: Show) -> None:
    reply = show(
        "[a](https://a.test/x) [b](mailto:b@b.test) [c](javascript:alert(1)) [d](/admin) [e](#1) "
        "[f](ftp://f.test) <https://g.test> https://h.test/i. [k][k]\n\n[k]: data:text/html,k"
    )

    links = reply.locator("a")
    wanted = ["https://a.test/x", "mailto:b@b.test", "https://g.test/", "https://h.test/i"]
    assert [link.get_attribute("href") for link in links.all()] == wanted
    assert {link.get_attribute("rel") for link in links.all()} == {"noopener noreferrer nofollow"}
    assert "[c](javascript:alert(1)) [d](/admin) [e](#1) [f](ftp://f.test)" in reply.inner_text()


def test_images_are_links_and_are_never_loaded(show: Show, visitor: Visitor) -> None:
    reply = show("![a cat](https://spy.test/cat.png) ![](https://spy.test/x.png) ![b](/b.png)")

    assert reply.locator("a").all_inner_texts() == ["a cat", "https://spy.test/x.png"]
    expect(visitor.page.locator(".assistant img")).to_have_count(0)
    assert "![b](/b.png)" in reply.inner_text()


def test_html_is_shown_as_text(show: Show) -> None:
    reply = show('<b onclick="x()">b</b>\n\n<div>\n*c*\n</div>\n\n&lt;i&gt; &amp; <!-- d -->')

    expect(reply.locator("b, div, i")).to_have_count(0)
    assert '<b onclick="x()">b</b>' in reply.inner_text()
    assert "<i> & <!-- d -->" in reply.inner_text()


def test_each_block_has_the_direction_of_its_own_words(show: Show) -> None:
    reply = show("Hello.\n\nשלום עולם\n\n- שלום\n- hello\n\n```py\nx = 'שלום'\n```")
    side = "node => getComputedStyle(node).direction"
    left = "node => { const range = document.createRange(); range.selectNodeContents(node);"
    left += " return range.getBoundingClientRect().left }"

    assert reply.locator("> p").first.evaluate(side) == "ltr"
    assert reply.locator("> p").last.evaluate(side) == "rtl"
    assert reply.locator("ul").evaluate(side) == "rtl"
    assert reply.locator("pre").evaluate(side) == "ltr"
    first, second = (reply.locator("> p").nth(place).evaluate(left) for place in (0, 1))
    assert second > first + 100


class TestGrowing:
    """A reply while the model speaks."""

    @pytest.fixture
    def chat(self, speaking_chat: RunningHost) -> RunningHost:
        return speaking_chat

    @pytest.fixture
    def page(self, new_visitor: Callable[..., Visitor], spoken: SpokenModel) -> Page:
        visitor = new_visitor()
        spoken.answer_at_once("Hello.")
        visitor.say("Hi.")
        return visitor.page

    @pytest.fixture
    def speaker(self, page: Page, spoken: SpokenModel) -> Speaker:
        speaker = spoken.speaker()
        page.get_by_label("Your prompt").fill("Go on.")
        page.keyboard.press("Enter")
        speaker.begin()
        return speaker

    @pytest.fixture
    def say(self, page: Page, speaker: Speaker) -> Iterator[Show]:
        """Have the model say more; return the node that shows what it has said."""

        def say(text: str) -> Locator:
            speaker.say(text)
            return page.locator(".assistant .content").last

        yield say
        speaker.end()
        expect(page.locator(".growing")).to_have_count(0)

    def test_code_that_is_not_closed_is_code_already(self, say: Show) -> None:
        reply = say("So:\n\n```py\nx = 1\n")
        expect(reply.locator("pre")).to_have_text("x = 1")
        block = reply.locator(".code").element_handle()
        say("y = *2*\n\n# no heading\n")
        expect(reply.locator("pre")).to_contain_text("# no heading")
        say("```\n\nThat *is* it.\n\nAnd")
        expect(reply.locator("em")).to_have_text("is")

        assert block.evaluate("node => node.isConnected && node.parentNode.childElementCount") == 4

    def test_a_table_is_one_from_its_first_row_on(self, say: Show) -> None:
        reply = say("Here:\n\n| a | b |\n")
        expect(reply).to_have_text("Here:")
        say("|--")
        expect(reply).to_have_text("Here:")
        say("-|---|\n| 1 |")
        expect(reply.locator("td").first).to_have_text("1")
        table = reply.locator("table").element_handle()
        say(" 2 |\n| 3 | 4 |\n")
        expect(reply.locator("td")).to_have_text(["1", "2", "3", "4"])

        assert table.evaluate("node => node.isConnected")

    def test_marks_that_begin_a_line_change_nothing_before_they_are_certain(
        self, say: Show
    ) -> None:
        reply = say("One line\n-")
        expect(reply).to_have_text("One line")
        assert reply.locator("h4, h5").count() == 0
        say(" an item\n-")
        expect(reply.locator("li")).to_have_text(["an item"])
        say(" another")
        expect(reply.locator("li")).to_have_text(["an item", "another"])

    def test_what_has_grown_is_what_the_whole_text_is(
        self, page: Page, say: Show, speaker: Speaker
    ) -> None:
        whole = (
            "# T\n\n- a\n\n  b\n- c\n1. d\n\n> e\nf\n\n```\ng\n```\n| h |\n|---|\n| i |\n\n"
            "$$\nj_1\n$$\nk k"
        )
        for place in range(0, len(whole), 3):
            reply = say(whole[place : place + 3])
            page.wait_for_timeout(20)
        expect(reply).to_contain_text("k k")
        grown = reply.inner_html()
        speaker.end()
        expect(page.locator(".growing")).to_have_count(0)

        assert reply.inner_html() == grown
        assert [grown.count(f"<{name}") for name in ("li", "table", "pre", "blockquote")] == [
            3,
            1,
            1,
            1,
        ]
