"""The whole table of operations, of all surfaces of the API."""

from chat.http.operation import Operations
from chat.http.own_surface import OWN
from chat.http.routes import Routes
from chat.http.surface import Surface
from chat.mcp.surface import MCP
from chat.openai_api.surface import OPENAI

SURFACES = (OWN, OPENAI, MCP)
OPERATIONS: Operations = {
    path: methods for surface in SURFACES for path, methods in surface.operations.items()
}
ROUTES = Routes(OPERATIONS)


def find_surface(uri: str) -> Surface:
    """Return the surface that a URI is on, also where nothing is served: the last that fits."""
    return next(one for one in reversed(SURFACES) if uri.startswith(one.beginning))
