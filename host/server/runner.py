"""Runs one component, with a fresh instance for each request.

An instance is made before its request comes, and unmade after the response was sent, so that nobody
waits for either. It never serves a second request.
"""

import threading
from collections import deque
from collections.abc import Sequence

from wasmtime import WasmtimeError

from host.abi.supply import Fresh, Supply
from host.abi.values import Err
from host.interfaces.http.messages import IncomingRequest, Outparam, ResponseSink


class Runner:
    """One component; each instance comes from the first of `supplies` that can make one more."""

    def __init__(self, supplies: Sequence[Supply], turn: threading.Lock) -> None:
        self._supplies = supplies
        self._turn = turn
        self._made: deque[Fresh] = deque()

    def run(self, request: IncomingRequest, sink: ResponseSink) -> str | None:
        """Run one request; return why it failed, or None."""
        outparam = Outparam(sink)
        try:
            self._run(request, outparam)
        except WasmtimeError as error:
            return cause_first(str(error))
        if outparam.result is None or isinstance(outparam.result, Err):
            return f"the component gave no response: {outparam.result}"
        return None

    def _run(self, request: IncomingRequest, outparam: Outparam) -> None:
        used: Fresh | None = None
        try:
            with self._turn:
                used = self._made.popleft() if self._made else self._make()
                used.instance.before_waiting = outparam.sink.flush
                used.call(request, outparam)
        finally:
            if used is not None:
                used.supply.unmake(used)
        self._make_ahead()

    def _make(self) -> Fresh:
        made = (supply.make() for supply in self._supplies)
        return next(fresh for fresh in made if fresh is not None)

    def _make_ahead(self) -> None:
        fresh = None if self._made else self._supplies[0].make()
        if fresh is not None:
            self._made.append(fresh)


def cause_first(told: str) -> str:
    """Return an error's text with the cause, which wasmtime puts last, before the backtrace."""
    trace, _, cause = told.partition("\nCaused by:\n")
    return f"{cause.strip()}\n{trace}" if cause else told
