"""A real browser on the page that the component serves."""

import pathlib
import shutil
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.e2e.streaming import SpokenModel, run_spoken
from tests.running import ModelEndpoint, RunningHost, RunningRedis, run_host

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium; `make test` installs it if it may: root, with apt-get")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser of their own, and the errors that the browser reported."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.errors: list[str] = []
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("requestfailed", self._look_at_failed)
        page.on("request", lambda request: self._look(request.url))
        page.goto(self.url)
        page.wait_for_load_state("networkidle")
        return page

    def _look_at_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page, or a visitor who left it, gave it up
            self.errors.append(f"{request.url}: {request.failure}")

    def _look(self, url: str) -> None:
        if not url.startswith(self.url):
            self.errors.append(f"{url} is asked")

    def say(self, prompt: str) -> None:
        """Type a prompt, and wait for its reply."""
        replies = self.page.locator(".message.assistant:not(.growing)")
        before = replies.count()
        self.page.get_by_label("Your prompt").fill(prompt)
        self.page.keyboard.press("Enter")
        replies.nth(before).wait_for()

    def said(self) -> list[str]:
        """Return what the messages show, in order."""
        return self.page.locator(".message .content").all_inner_texts()

    def listed(self) -> list[str]:
        return self.page.get_by_role("navigation").get_by_role("link").all_inner_texts()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds, with the places."""
    return [
        f"{one['impact']} {one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in Axe().run(page).response["violations"]
    ]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def link(page: Page, name: str) -> None:
    """Follow a link of the page's own parts."""
    page.get_by_role("link", name=name, exact=True).click()


def act(page: Page, name: str) -> None:
    """Press an item of the conversation's menu."""
    press(page, "Conversation menu")
    page.get_by_role("menuitem", name=name, exact=True).click()


@pytest.fixture
def new_visitor(browser: Browser, chat: RunningHost) -> Iterator[Callable[..., Visitor]]:
    """Make visitors; at the end none of their browsers may have complained."""
    visitors: list[Visitor] = []

    def make(**options: object) -> Visitor:
        context = browser.new_context(viewport={"width": 1100, "height": 720}, **options)  # type: ignore[arg-type]
        visitors.append(Visitor(context, chat.url))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()
    assert [error for visitor in visitors for error in visitor.errors] == []


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    return new_visitor()


@pytest.fixture
def chat(remote_chat: RunningHost, endpoint: ModelEndpoint) -> RunningHost:
    """Serve the page, with a model whose answers the test decides."""
    assert endpoint.asked == []
    return remote_chat


@pytest.fixture(scope="module")
def spoken() -> Iterator[SpokenModel]:
    """Start a model that speaks when a test tells it to."""
    model = SpokenModel()
    yield model
    model.close()


@pytest.fixture(scope="module")
def speaking_chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    spoken: SpokenModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    """Serve the page with that model."""
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("page")
    with run_spoken(folder, shared_redis, spoken, "key_prefix=page-streaming") as host:
        yield host


@pytest.fixture(scope="module")
def memory_chat(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    """Serve the demo model with little room, and with long-term memories."""
    assert wasm.exists()
    variables = {
        "redis_address": shared_redis.address,
        "context_length": "600",
        "max_reply_tokens": "60",
        "long_term": "redis",
        "memory_min_chars": "10",
    }
    flags = [
        part for name, value in variables.items() for part in ("--variable", f"{name}={value}")
    ]
    folder = tmp_path_factory.mktemp("memory-chat")
    with run_host(folder, "--runtime-config-file", "runtime-config.toml", *flags) as host:
        yield host
