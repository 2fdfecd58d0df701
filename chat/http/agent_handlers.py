"""What agents send over the Model Context Protocol."""

from chat.http.call import Call
from chat.http.response import Response


async def answer_agent(call: Call) -> Response:
    """Answer `POST /mcp`: its tools stand for operations, whose table no handler can import."""
    return await call.outside.answer_agent(call)
