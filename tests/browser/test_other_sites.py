"""Pages of other sites in a real browser beside the chat: they take nothing from a visitor."""

import http.server
import pathlib
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.running import (
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)

HOSTILE = b"""<!doctype html><title>Win!</title>
<form id="session" method="post"></form>
<form id="turn" method="post" enctype="text/plain">
  <input name='{"context":"c","prompt":"p","more":"' value='"}'>
</form>
"""
"""The second form's body is a JSON object, which the chat takes whatever its type."""
FETCH = """async (url) => {
  const body = JSON.stringify({ context: "c", prompt: "p" });
  const options = { method: "POST", mode: "no-cors", credentials: "include" };
  await fetch(url + "/session", options);
  await fetch(url + "/", { ...options, body });
}"""


@pytest.fixture(scope="module")
def hostile_port() -> Iterator[int]:
    """Serve a hostile page; `localhost` is another site than the chat's `127.0.0.1`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(HOSTILE)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=["open", "private"])
def served(
    request: pytest.FixtureRequest,
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("attacked")
    variables = [f"redis_address={shared_redis.address}", f"access={request.param}"]
    config = remote_config(folder, shared_endpoint.url)
    with run_host(folder, "--runtime-config-file", config, *as_flags(variables)) as host:
        yield host


@pytest.fixture
def chat(served: RunningHost, endpoint: ModelEndpoint) -> RunningHost:
    assert endpoint.asked == []
    return served


def cookie_of(visitor: Visitor) -> str:
    (cookie,) = visitor.context.cookies(visitor.url)
    return str(cookie["value"])


def post_form(page: Page, name: str, url: str) -> None:
    with page.expect_navigation():
        page.evaluate("([name, url]) => { const form = document.getElementById(name);"
                      " form.action = url; form.submit(); }", [name, url])  # fmt: skip


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"], ids=["another site", "another port"])
def test_a_form_or_a_script_of_another_origin_takes_no_conversation_away(
    name: str, visitor: Visitor, hostile_port: int, endpoint: ModelEndpoint
) -> None:
    visitor.say("This is mine.")
    cookie = cookie_of(visitor)
    hostile = f"http://{name}:{hostile_port}/"
    page = visitor.context.new_page()

    for form, path in (("session", "/session"), ("turn", "/")):
        page.goto(hostile)
        post_form(page, form, visitor.url + path)
        assert '"error"' not in page.content(), "the chat answered it"
    page.goto(hostile)
    page.evaluate(FETCH, visitor.url)

    assert len(endpoint.asked) == 3, "both turns of the other origin were taken"
    assert cookie_of(visitor) == cookie
    visitor.page.reload()
    expect(visitor.page.locator(".message .content")).to_have_text(["This is mine.", "Fine."])
    expect(visitor.page.get_by_role("link", name="This is mine.")).to_be_visible()
    visitor.say("And still is.")


def test_a_visitor_who_was_elsewhere_first_has_a_credential_of_the_page_only(
    new_visitor: Callable[..., Visitor], hostile_port: int
) -> None:
    visitor = new_visitor()
    visitor.context.clear_cookies()
    page = visitor.context.new_page()
    page.goto(f"http://localhost:{hostile_port}/")

    post_form(page, "session", visitor.url + "/session")

    assert visitor.context.cookies() == []
    visitor.page.reload()
    visitor.page.wait_for_load_state("networkidle")
    assert cookie_of(visitor) not in page.content()


def test_a_second_tab_that_asks_for_a_credential_leaves_the_first_ones(visitor: Visitor) -> None:
    visitor.say("In the first tab.")
    cookie = cookie_of(visitor)
    second = visitor.new_page()

    asked = "async () => (await fetch('/session', { method: 'POST' })).status"
    assert second.evaluate(asked) == 201

    assert cookie_of(visitor) == cookie
    visitor.page.reload()
    expect(visitor.page.get_by_role("link", name="In the first tab.")).to_be_visible()
