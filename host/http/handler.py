"""`wasi:http/outgoing-handler`: the guest's own requests.

Source: spin `crates/factor-outbound-http`, wasmtime `crates/wasi-http`. Redirects are not followed.
"""

import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from host.allowed_hosts import AllowedHostError, permits_self, permits_url
from host.http.messages import FORBIDDEN, Fields, FutureResponse, IncomingResponse, OutgoingRequest
from host.instance import Instance
from host.manifest import Component
from host.outbound import AllowedHosts
from host.values import Case, Err
from host.variables import Resolver, Unresolved
from host.wasi.io import ChunksInput

DEFAULT_TIMEOUT_S = 600.0
"""For connecting, for the first byte and between bytes."""
SELF_AUTHORITY = "self.alt"
NS_PER_S = 1_000_000_000
DENIED = Err(Case("HTTP-request-denied"))
MAX_PARALLEL = 256


class HttpClient:
    """The app's one client, with its pool of connections and of waiting threads."""

    def __init__(self, self_origin: str) -> None:
        self.self_origin = self_origin
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self.client = httpx.Client(limits=limits, trust_env=False)  # a request has its own timeouts
        self.threads = ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="outgoing-http")

    def close(self) -> None:
        """Close all connections."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()


class OutgoingHandler:
    """`wasi:http/outgoing-handler` for one instance."""

    def __init__(
        self, http: HttpClient, component: Component, resolver: Resolver, instance: Instance
    ) -> None:
        self._http = http
        self._allowed = AllowedHosts(component, resolver)
        self._instance = instance

    def handle(self, request: int, options: int | None) -> int | Err:
        """Send the request once its body is finished; a host that is not allowed is denied."""
        table = self._instance.table
        outgoing: OutgoingRequest = table.take(request)
        timeouts = {} if options is None else table.take(options)
        future = FutureResponse()
        url = self._permitted_url(outgoing)
        if url is None:
            future.result = DENIED
            future.done.set()
        else:
            self._http.threads.submit(self._send, url, outgoing, timeouts, future)
        return table.push(future)

    def _permitted_url(self, request: OutgoingRequest) -> str | None:
        path = request.path_with_query or "/"
        authority = request.authority or ""
        scheme = _scheme(request.scheme)
        try:
            allowed = self._allowed.get()
        except (Unresolved, AllowedHostError):
            return None
        if authority == SELF_AUTHORITY or authority.startswith(":") or not authority:
            return self._http.self_origin + path if permits_self(allowed) else None
        url = f"{scheme}://{authority}{path if path.startswith('/') else '/' + path}"
        return url if permits_url(allowed, url, scheme) else None

    def _send(
        self,
        url: str,
        request: OutgoingRequest,
        timeouts: Mapping[str, int | None],
        future: FutureResponse,
    ) -> None:
        try:
            request.body.finished.wait(DEFAULT_TIMEOUT_S)
            # Not the client's to build: it would add the cookies that earlier answers set.
            message = httpx.Request(
                request.method.value
                if request.method.name == "other"
                else request.method.name.upper(),
                url,
                content=b"".join(request.body.kept),
                headers=[(name.encode(), value) for name, value in request.headers.pairs],
                extensions={"timeout": _timeout(timeouts).as_dict()},
            )
            response = self._http.client.send(message, stream=True)
            future.result = self._incoming(response)
        except httpx.HTTPError as error:
            future.result = Err(error_code(error))
        except Exception as error:  # noqa: BLE001 - the guest waits for this future; it must always end
            future.result = Err(Case("internal-error", str(error)))
        finally:
            future.done.set()

    def _incoming(self, response: httpx.Response) -> IncomingResponse:
        chunks = response.iter_raw(16 * 1024)

        def fetch() -> bytes | None:
            try:
                return next(chunks, None)
            except httpx.HTTPError:
                return None

        pairs = [(name.decode().lower(), value) for name, value in response.headers.raw]
        visible = [pair for pair in pairs if pair[0] not in FORBIDDEN]
        return IncomingResponse(
            response.status_code, Fields(visible), ChunksInput(fetch, close=response.close)
        )


def _scheme(scheme: Case | None) -> str:
    if scheme is None:
        return "https"
    return str(scheme.value) if scheme.name == "other" else scheme.name.lower()


def _timeout(options: Mapping[str, int | None]) -> httpx.Timeout:
    def seconds(name: str) -> float:
        value = options.get(name)
        return DEFAULT_TIMEOUT_S if value is None else value / NS_PER_S

    return httpx.Timeout(
        connect=seconds("connect"),
        read=seconds("first_byte"),
        write=seconds("between_bytes"),
        pool=DEFAULT_TIMEOUT_S,
    )


ERROR_CODES: tuple[tuple[type[httpx.HTTPError], str], ...] = (
    (httpx.ConnectTimeout, "connection-timeout"),
    (httpx.ReadTimeout, "connection-read-timeout"),
    (httpx.WriteTimeout, "connection-write-timeout"),
    (httpx.RemoteProtocolError, "HTTP-protocol-error"),
)
"""What can go wrong, the most special first."""


def error_code(error: httpx.HTTPError) -> Case:
    """Give the WASI error code of a failed request."""
    for kind, name in ERROR_CODES:
        if isinstance(error, kind):
            return Case(name)
    if isinstance(error, httpx.ConnectError):
        return _connect_error_code(error)
    if isinstance(error, httpx.NetworkError):
        return Case("connection-terminated")
    return Case("internal-error", str(error))


def _connect_error_code(error: httpx.ConnectError) -> Case:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return Case("DNS-error", {"rcode": str(cause), "info-code": 0})
        if isinstance(cause, ConnectionRefusedError):
            return Case("connection-refused")
        cause = cause.__cause__ or cause.__context__
    return Case("TLS-protocol-error") if "SSL" in str(error) else Case("connection-refused")
