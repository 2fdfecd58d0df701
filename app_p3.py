"""The component for Preview 3: an instance of it answers many requests, at once and in turn."""

import time

from componentize_py_async_support import spawn
from spin_sdk.wit import exports
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import Request, Response

from chat.spin.p3.host import HOST
from chat.spin.p3.incoming import make_answer, read_request
from chat.wiring.service import Service, make_request_id

SERVICE = Service(HOST)


class HttpHandler(exports.HttpHandler):
    """What Spin calls."""

    async def handle(self, request: Request) -> Response:
        """Answer any request; when all of the answer is out, it is noted in the log."""
        begun = time.perf_counter()
        asked = read_request(request)
        answer = await SERVICE.answer(asked, make_request_id(asked))

        def ended(is_whole: bool) -> None:  # noqa: FBT001 - what is told has one meaning
            taken_s = time.perf_counter() - begun
            spawn(SERVICE.note(asked, answer, taken_s, is_whole=is_whole))

        return await make_answer(answer, ended, is_head=asked.method == "HEAD")
