"""`wasi:http/outgoing-handler`: sends the guest's own requests, without following redirects.

Source: spin `crates/factor-outbound-http`, wasmtime `crates/wasi-http`.
"""

from host.abi.instance import Instance
from host.abi.values import Case, Err
from host.app.allowed_hosts import AllowedHostError, permits_self, permits_url
from host.app.manifest import Component
from host.app.outbound import AllowedHosts
from host.app.variables import Resolver, Unresolved
from host.interfaces.http.client import HttpClient
from host.interfaces.http.connection import parse_origin
from host.interfaces.http.messages import FutureResponse, OutgoingRequest

SELF_AUTHORITY = "self.alt"
DENIED = Err(Case("HTTP-request-denied"))
NO_URL = Err(Case("HTTP-request-URI-invalid"))
OTHER_PROTOCOL = Err(Case("HTTP-protocol-error"))


class OutgoingHandler:
    """`wasi:http/outgoing-handler` for one instance."""

    def __init__(
        self, http: HttpClient, component: Component, resolver: Resolver, instance: Instance
    ) -> None:
        self._http = http
        self._allowed = AllowedHosts(component, resolver)
        self._instance = instance

    def handle(self, request: int, options: int | None) -> int | Err:
        """Send the request, and its body while it is written, if its host is allowed."""
        table = self._instance.table
        outgoing: OutgoingRequest = table.take(request)
        timeouts = {} if options is None else table.take(options)
        if outgoing.scheme is not None and outgoing.scheme.name == "other":
            return OTHER_PROTOCOL
        url = self._permitted_url(outgoing)
        future = FutureResponse()
        try:
            if url is None:
                future.resolve(DENIED)
            else:
                self._http.send(parse_origin(url), outgoing, timeouts, future)
        except ValueError:
            future.resolve(NO_URL)
        return table.push(future)

    def _permitted_url(self, request: OutgoingRequest) -> str | None:
        """Return the URL of a request's origin; None if the request is not allowed."""
        try:
            allowed = self._allowed.get()
        except (Unresolved, AllowedHostError):
            return None
        authority = request.authority or ""
        if authority == SELF_AUTHORITY or authority.startswith(":") or not authority:
            return self._http.own_url if permits_self(allowed) else None
        scheme = "https" if request.scheme is None else request.scheme.name.lower()
        url = f"{scheme}://{authority}"
        return url if permits_url(allowed, url, scheme) else None
