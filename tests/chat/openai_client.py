"""The official OpenAI client, unmodified, over the whole service without a host."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
from openai import AsyncOpenAI

from chat.http.call import Request
from chat.wiring.service import Service, make_request_id

TOKEN = "a-credential-of-the-owner".ljust(43, "a")
OTHER_TOKEN = "a-credential-of-another".ljust(43, "b")


class Answered(httpx.AsyncByteStream):
    """A body that comes while it is made; whoever closes it closes what makes it."""

    def __init__(self, chunks: AsyncIterator[bytes], closing: AsyncExitStack) -> None:
        self._chunks = chunks
        self._closing = closing

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        await self._closing.aclose()


class ServiceTransport(httpx.AsyncBaseTransport):
    """Hands requests to a service; `asked` has them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.asked: list[Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()

        async def read_body(_: int) -> bytes:
            return body

        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Request(request.method, request.url.raw_path.decode(), headers, read_body)
        self.asked.append(asked)
        closing = AsyncExitStack()
        response = await self._service.answer(asked, make_request_id(asked), closing)
        await self._service.note(asked, response, 0.0, is_whole=True)
        if response.chunks is None:
            await closing.aclose()
            return httpx.Response(response.status, headers=response.headers, content=response.body)
        closing.push_async_callback(response.chunks.aclose)
        stream = Answered(response.chunks, closing)
        return httpx.Response(response.status, headers=response.headers, stream=stream)


def make_client(
    service: Service, token: str = TOKEN, retries: int = 0, *, is_strict: bool = True
) -> AsyncOpenAI:
    """Return the client for an owner; it checks every answer against its own types if strict."""
    return AsyncOpenAI(
        base_url="http://chat/v1",
        api_key=token,
        max_retries=retries,
        http_client=httpx.AsyncClient(transport=ServiceTransport(service)),
        _strict_response_validation=is_strict,
    )
