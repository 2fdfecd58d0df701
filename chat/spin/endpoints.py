"""Reaches a model's endpoint and Chroma over HTTP, and says what their failures mean."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chat.core.addresses import ChromaAddress, ModelEndpoint
from chat.core.errors import MemoryUnavailable, ModelTimeout, ModelUnavailable
from chat.spin.answers import HttpFailed, Limit
from chat.spin.host import Host


class SpinEndpoint:
    """A model's endpoint."""

    def __init__(self, host: Host, endpoint: ModelEndpoint, limit: Limit) -> None:
        headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        self._http = host.make_http(endpoint.origin, headers, limit)
        self._path = endpoint.path

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Send `body`, and return the status and the body of the answer.

        Errors: ModelTimeout, ModelUnavailable.
        """
        try:
            return await self._http.request("POST", self._path, body)
        except HttpFailed as error:
            raise _as_model_error(error) from error

    async def stream(self, body: bytes) -> AsyncGenerator[int | bytes, None]:
        """Send `body`; yield the status, and then the body of the answer as it comes.

        Errors: ModelTimeout, ModelUnavailable.
        """
        try:
            async with aclosing(self._http.stream("POST", self._path, body)) as received:
                async for one in received:
                    yield one
        except HttpFailed as error:
            raise _as_model_error(error) from error


def _as_model_error(error: HttpFailed) -> ModelTimeout | ModelUnavailable:
    if error.is_timeout:
        return ModelTimeout("the model took longer than `turn_timeout_s`")
    return ModelUnavailable("the model cannot be reached")


class SpinChroma:
    """A Chroma server."""

    def __init__(self, host: Host, address: ChromaAddress, limit: Limit) -> None:
        headers = {"x-chroma-token": address.token} if address.token else {}
        self._http = host.make_http(address.origin, headers, limit)

    async def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of the answer.

        Errors: MemoryUnavailable.
        """
        try:
            return await self._http.request(method, path, body)
        except HttpFailed as error:
            raise MemoryUnavailable from error
