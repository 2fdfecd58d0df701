"""Keeps what a request computes more than once, and no longer than the request."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Outcome = TypeVar("Outcome")
MAX_KEPT = 64
"""How many results a request keeps; one that computes more begins anew."""
_kept: ContextVar[dict[Hashable, Any] | None] = ContextVar("_kept", default=None)


@contextmanager
def memo(results: dict[Hashable, Any]) -> Iterator[None]:
    """Keep results of a request in `results`; an instance may answer other requests meanwhile."""
    before = _kept.set(results)
    try:
        yield
    finally:
        _kept.reset(before)


def kept(function: Callable[Arguments, Outcome]) -> Callable[Arguments, Outcome]:
    """Return a function that computes once, within `memo`, for the same arguments."""

    @wraps(function)
    def keeping(*args: Arguments.args, **named: Arguments.kwargs) -> Outcome:
        results = _kept.get()
        if results is None:
            return function(*args, **named)
        key = (function, args, tuple(named.items()))
        if key not in results:
            if len(results) == MAX_KEPT:
                results.clear()
            results[key] = function(*args, **named)
        result: Outcome = results[key]
        return result

    return keeping
