"""The component for Preview 3: an instance of it answers many requests, at once and in turn."""

import gc
import time
from contextlib import AsyncExitStack

from componentize_py_async_support import spawn
from spin_sdk.wit import exports
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import Request, Response

from chat.http.call import Request as Asked
from chat.spin.p3.host import HOST
from chat.spin.p3.incoming import make_answer, read_request
from chat.wiring.net import caught
from chat.wiring.service import Service, begin_request, failed_answer

# What was imported stays: a garbage collection that looked at it would take as long as a turn, and
# touch all its memory. A request leaves little that only a collection finds.
gc.freeze()
gc.set_threshold(20_000)

SERVICE = Service(HOST)


class HttpHandler(exports.HttpHandler):
    """What Spin calls."""

    async def handle(self, request: Request) -> Response:
        """Answer any request: an exception that leaves here would end all that run beside it."""
        asked = read_request(request)
        begin_request(asked)
        response: Response | None = await caught(answered(asked), lambda _: None)
        if response is None:
            return await make_answer(failed_answer(), lambda _: None, is_head=False)
        return response


async def answered(asked: Asked) -> Response:
    """Answer; note it when all of the answer is out, and do what only later requests need."""
    begun = time.perf_counter()
    closing = AsyncExitStack()
    answer = await SERVICE.answer(asked, closing)

    async def note(taken_s: float, *, is_whole: bool) -> None:
        await SERVICE.note(asked, answer, taken_s, is_whole=is_whole)
        await closing.aclose()

    def ended(is_whole: bool) -> None:  # noqa: FBT001 - what is told has one meaning
        noted = note(time.perf_counter() - begun, is_whole=is_whole)
        spawn(caught(noted, lambda _: None))

    return await make_answer(answer, ended, is_head=asked.method == "HEAD")
