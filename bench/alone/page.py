"""Measures how soon the page is there: its first paint, as the browser itself times it."""

import shutil

from playwright.sync_api import Browser, sync_playwright

from bench.tables import SPREAD, describe, header, row
from tests.running import RunningHost

VISITS = 20
HEAD = f"""
### How soon the page is there

Visitors who come for the first time, {VISITS} of them one after the other: ms from the beginning of
the visit until the browser paints text, as it says itself (`first-contentful-paint`); {SPREAD}. The
same for visitors who come back, whose browsers have the files.
"""
PAINT = """() => new Promise((done) => new PerformanceObserver((list, observer) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (paint) { observer.disconnect(); done(paint.startTime); }
}).observe({ type: "paint", buffered: true }))"""


def bench_page(host: RunningHost) -> None:
    """Print the table; without a browser, say that there is none."""
    print(HEAD, end="")
    path = shutil.which("chromium")
    if path is None:
        print("\nNot measured: there is no chromium.")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        pairs = [visit_twice(browser, host.url) for _ in range(VISITS)]
        browser.close()
    header("visit", "ms until the first paint")
    row("the first", describe([first for first, _ in pairs]))
    row("a later one", describe([later for _, later in pairs]))


def visit_twice(browser: Browser, url: str) -> tuple[float, float]:
    """Return the time to the first paint of a visit, and of another by the same browser, in ms."""
    context = browser.new_context()
    times = []
    for _ in range(2):
        page = context.new_page()
        page.goto(url)
        times.append(float(page.evaluate(PAINT)))
        page.close()
    context.close()
    return times[0], times[1]
