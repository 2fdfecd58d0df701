"""Runs what waits on an event loop of its own."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

Outcome = TypeVar("Outcome")


def run_in_thread(running: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run to the end on a new event loop, as a browser's test leaves one running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, running).result()


def awaited(test: Callable[..., Any]) -> Callable[..., Any]:
    """Return a test that pytest can call: one that is a coroutine function runs to its end."""
    if not inspect.iscoroutinefunction(test):
        return test

    @functools.wraps(test)
    def run(*args: Any, **named: Any) -> None:
        run_in_thread(test(*args, **named))

    return run


def make_callable(item: pytest.Item) -> None:
    """Let pytest call an asynchronous test; of a property, Hypothesis calls it for each example."""
    if not isinstance(item, pytest.Function):
        return
    given = getattr(item.obj, "hypothesis", None)
    if given:
        given.inner_test = awaited(given.inner_test)
    else:
        item.obj = awaited(item.obj)
