"""The table of operations of the protocol: one, to which all messages are sent."""

from chat.core.refusals import KeyReused
from chat.http.operation import Operation, Operations, Parameter
from chat.http.operations import MODEL, STORE
from chat.http.parameters import REPETITION
from chat.mcp.answering import answer_message

HEADERS = (
    Parameter(
        "MCP-Protocol-Version",
        {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        "header",
    ),
    Parameter("Mcp-Method", {"type": "string"}, "header"),
    Parameter("Mcp-Name", {"type": "string"}, "header"),
    REPETITION,
)

OPERATIONS: Operations = {
    "/mcp": {
        "POST": Operation(
            answer_message, "A message of an agent, over the Model Context Protocol",
            {200: "McpResult", 202: ""}, takes="McpMessage", parameters=HEADERS,
            errors=(*STORE, *MODEL, KeyReused), refuses=(404, 406, 429), events="McpEvents",
            checks_origin=True,
        ),
    },
}  # fmt: skip
