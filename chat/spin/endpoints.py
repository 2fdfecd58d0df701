"""Reaches a model's endpoint and Chroma over HTTP, and says what their failures mean."""

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
            if error.is_timeout:
                raise ModelTimeout("the model took longer than `turn_timeout_s`") from error
            raise ModelUnavailable("the model cannot be reached") from error


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
