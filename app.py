"""The component for Preview 2: Spin makes an instance of it for each request."""

import gc
import time
from contextlib import AsyncExitStack

from spin_sdk.wit import exports
from spin_sdk.wit.imports.types import IncomingRequest, ResponseOutparam

from chat.spin.p2.host import HOST, run
from chat.spin.p2.incoming import read_request, send_response
from chat.wiring.service import Service, begin_request

# An instance lives for one request. A garbage collection would find nothing, but would touch every
# object that was made at build time: each memory page of those would be copied, which takes longer
# than the turn.
gc.freeze()
gc.set_threshold(100_000)

SERVICE = Service(HOST)


class IncomingHandler(exports.IncomingHandler):
    """What Spin calls."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        """Answer any request, and write a line about it to the log."""
        run(serve(request, response_out))


async def serve(request: IncomingRequest, response_out: ResponseOutparam) -> None:
    """Answer, note it, and do what only later requests need: none of it takes the answer's time."""
    begun = time.perf_counter()
    asked = read_request(request)
    begin_request(asked)
    async with AsyncExitStack() as closing:
        response = await SERVICE.answer(asked, closing)
        is_whole = await send_response(response_out, response, is_head=asked.method == "HEAD")
        await SERVICE.note(asked, response, time.perf_counter() - begun, is_whole=is_whole)
