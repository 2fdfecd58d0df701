"""What the protocol fixes: its versions, the names of its headers and fields, and its errors.

Source: the Model Context Protocol, versions 2026-07-28, 2025-11-25 and 2025-06-18.
"""

from collections.abc import Mapping
from typing import Any

MODERN = "2026-07-28"
"""The version whose requests stand by themselves: each says its version and what the client can."""
OLDEST = "2025-06-18"
HANDSHAKE = ("2025-11-25", OLDEST)
"""The versions that begin with `initialize`, the newest first."""
SUPPORTED = (MODERN, *HANDSHAKE)

VERSION_HEADER, METHOD_HEADER, NAME_HEADER = "mcp-protocol-version", "mcp-method", "mcp-name"
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The field of `params` that `Mcp-Name` repeats, by method."""
RESERVED = "io.modelcontextprotocol/"
VERSION_FIELD = f"{RESERVED}protocolVersion"
CAPABILITIES_FIELD = f"{RESERVED}clientCapabilities"
CLIENT_FIELD = f"{RESERVED}clientInfo"
SERVER_FIELD = f"{RESERVED}serverInfo"

PARSE_ERROR = -32700
INVALID_MESSAGE = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
UNKNOWN_RESOURCE = -32002
"""For the versions with a handshake; the later one has INVALID_PARAMS in its place."""
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

RequestId = str | int
Fields = Mapping[str, Any]


class Refused(Exception):
    """A message is answered with a JSON-RPC error.

    Shapes: `status` is the HTTP status; `headers` go with the answer. `code_of` is the code of the
            error behind it in the log, None if the message itself is at fault.
    """

    def __init__(
        self, code: int, problem: str, *, status: int = 400, data: Fields | None = None
    ) -> None:
        super().__init__(problem)
        self.code = code
        self.status = status
        self.data = data
        self.headers: Mapping[str, str] = {}
        self.facts: dict[str, str | int | float] = {}

    def fields(self) -> dict[str, Any]:
        """Return the fields of the JSON-RPC error."""
        data = {} if self.data is None else {"data": self.data}
        return {"code": self.code, "message": str(self), **data}


def unsupported(requested: str) -> Refused:
    """Return the refusal of a version; it names those that are served."""
    data = {"supported": list(SUPPORTED), "requested": requested[:40]}
    served = ", ".join(SUPPORTED)
    return Refused(UNSUPPORTED_VERSION, f"this version is not served here; {served} are", data=data)
