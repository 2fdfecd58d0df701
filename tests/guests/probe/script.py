"""Runs a script: what a guest does with streams, step by step, and tells of each step.

A step is its name and its arguments. What it tells goes to the log, as `TOKEN STEP: OUTCOME`, and
the step `report` writes all of it into the response.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from spin_sdk.wit.imports import monotonic_clock, outgoing_handler, poll
from spin_sdk.wit.imports.streams import (
    InputStream,
    OutputStream,
    StreamError_Closed,
    StreamError_LastOperationFailed,
)
from spin_sdk.wit.imports.types import (
    Fields,
    FutureIncomingResponse,
    IncomingBody,
    IncomingRequest,
    OutgoingBody,
    OutgoingRequest,
    OutgoingResponse,
    ResponseOutparam,
    Scheme_Http,
    http_error_code,
)
from spin_sdk.wit.types import Err, Ok

PAUSE_S = 0.05
NS_PER_S = 1_000_000_000
READ_BYTES = 64 * 1024


def as_fields(headers: dict[str, str]) -> Fields:
    return Fields.from_list([(name, value.encode()) for name, value in headers.items()])


def name_of(error: Err[Any]) -> str:
    """Return the name of the error of a stream or a request, and its reason if there is one."""
    value = error.value
    if isinstance(value, StreamError_LastOperationFailed):
        code = http_error_code(value.value)
        return f"{type(value).__name__} {type(code).__name__} {getattr(code, 'value', None)}"
    return type(value).__name__


def unwrapped(result: Any) -> Any:
    """Take a value out of its results; raises Err."""
    while isinstance(result, Ok | Err):
        if isinstance(result, Err):
            raise result
        result = result.value
    return result


@dataclass
class Script:
    """One run, and what it holds."""

    request: IncomingRequest
    outparam: ResponseOutparam
    token: str
    told: list[str] = field(default_factory=list)
    body: OutgoingBody | None = None
    output: OutputStream | None = None
    input: InputStream | None = None
    held: list[Any] = field(default_factory=list)
    future: FutureIncomingResponse | None = None
    asked: OutgoingBody | None = None
    upload: OutputStream | None = None
    answer: InputStream | None = None

    def run(self, steps: list[list[Any]]) -> None:
        """Take all steps, whatever becomes of each."""
        for name, *arguments in steps:
            step: Callable[..., object] = getattr(self, f"do_{name}")
            try:
                outcome = step(*arguments)
            except Err as error:
                outcome = name_of(error)
            self.told.append(f"{name}: {outcome}")
            print(f"{self.token} {self.told[-1]}", flush=True)

    # the response

    def do_respond(self, status: int, headers: dict[str, str]) -> None:
        response = OutgoingResponse(as_fields(headers))
        response.set_status_code(status)
        self.body = response.body()
        ResponseOutparam.set(self.outparam, Ok(response))
        self.output = self.body.write()

    def do_write(self, text: str) -> None:
        assert self.output is not None
        self.output.blocking_write_and_flush(text.encode())

    def do_write_until_it_fails(self, max_s: float) -> str:
        begun = time.monotonic()
        while time.monotonic() - begun < max_s:
            try:
                self.do_write(".")
            except Err as error:
                return name_of(error)
            time.sleep(PAUSE_S)
        return "never"

    def do_check(self) -> str:
        assert self.output is not None
        self.output.flush()
        return "open" if self.output.check_write() else "full"

    def do_finish(self) -> None:
        assert self.output is not None
        assert self.body is not None
        self.output.__exit__(None, None, None)
        OutgoingBody.finish(self.body, None)

    def do_drop(self) -> None:
        assert self.output is not None
        assert self.body is not None
        self.output.__exit__(None, None, None)
        self.body.__exit__(None, None, None)

    def do_report(self) -> None:
        self.do_write(json.dumps(self.told))

    # the request

    def do_read(self) -> str:
        """Read to the end."""
        if self.input is None:
            body = self.request.consume()
            self.input = body.stream()
            self.held.append(body)
        return read_all(self.input)

    # a request of its own

    def do_ask(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        request = OutgoingRequest(as_fields(headers))
        request.set_scheme(Scheme_Http())
        request.set_authority(parts.netloc)
        request.set_path_with_query(parts.path or "/")
        self.asked = request.body()
        self.upload = self.asked.write()
        self.future = outgoing_handler.handle(request, None)

    def do_upload(self, text: str) -> None:
        assert self.upload is not None
        self.upload.blocking_write_and_flush(text.encode())

    def do_finish_upload(self) -> None:
        assert self.upload is not None
        assert self.asked is not None
        self.upload.__exit__(None, None, None)
        OutgoingBody.finish(self.asked, None)

    def do_await_answer(self) -> int:
        assert self.future is not None
        with self.future.subscribe() as pollable:
            pollable.block()
        response = unwrapped(self.future.get())
        body: IncomingBody = response.consume()
        self.answer = body.stream()
        self.held += [response, body]
        return int(response.status())

    def do_poll_answer(self, max_s: float) -> list[int]:
        """Wait for a part of the answer, or so long; 0 stands for the one, 1 for the other."""
        assert self.answer is not None
        timer = monotonic_clock.subscribe_duration(int(max_s * NS_PER_S))
        with self.answer.subscribe() as arrival, timer:
            return list(poll.poll([arrival, timer]))

    def do_read_part(self) -> str:
        """Read what is there."""
        assert self.answer is not None
        return self.answer.read(READ_BYTES).decode()

    def do_read_answer(self) -> str:
        assert self.answer is not None
        return read_all(self.answer)

    # its time

    def do_sleep(self, time_s: float) -> None:
        time.sleep(time_s)

    def do_raise(self) -> None:
        raise RuntimeError("on purpose")


def read_all(stream: InputStream) -> str:
    read = bytearray()
    while True:
        try:
            read += stream.blocking_read(READ_BYTES)
        except Err as error:
            end = "" if isinstance(error.value, StreamError_Closed) else f", {name_of(error)}"
            return f"{len(read)} bytes{end}"


def run_script(request: IncomingRequest, outparam: ResponseOutparam, script: bytes) -> None:
    asked = json.loads(script)
    Script(request, outparam, asked["token"]).run(asked["steps"])
