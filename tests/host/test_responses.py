"""When the parts of a response go out."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from host.abi.instance import Instance
from host.server.exchange import ResponseQueue


def test_a_head_goes_with_the_first_part_or_before_the_guest_waits() -> None:
    async def respond() -> None:
        together, apart = (ResponseQueue() for _ in range(2))
        turn = threading.Lock()
        waiting = Instance({}, turn)
        waiting.before_waiting = apart.flush

        for queue in (together, apart):
            queue.start(200, [])
        await asyncio.sleep(0.05)
        assert together.parts.empty()
        together.write(b"x")
        with turn, waiting.waiting():
            pass
        await asyncio.sleep(0.05)

        assert [kind(together), kind(together), together.parts.empty()] == ["start", "body", True]
        assert [kind(apart), apart.parts.empty()] == ["start", True]

    with ThreadPoolExecutor(1) as thread:  # a browser's test leaves a loop running in this one
        thread.submit(lambda: asyncio.run(respond())).result()


def kind(queue: ResponseQueue) -> str:
    part = queue.parts.get_nowait()
    assert part is not None
    return str(part["type"]).removeprefix("http.response.")
