"""FastMCP's client: makes the requests that standard input has, and prints the outcomes."""

import asyncio
import json
import sys

from asking import ask
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp import McpError
from mcp.types import PromptReference, ResourceTemplateReference

REFERENCES = (PromptReference, ResourceTemplateReference)


async def main() -> None:
    asked = json.load(sys.stdin)
    outcomes = []
    transport = StreamableHttpTransport(asked["url"], auth=asked["token"])
    async with Client(transport) as client:
        assert client.initialize_result is not None
        version = client.initialize_result.protocolVersion
        assert await client.ping()
        for step in asked["steps"]:
            try:
                outcomes.append(await ask(client, REFERENCES, step, "_mcp", "progress_handler"))
            except McpError as error:
                outcomes.append({"error": dict(error.error)})
    print(json.dumps({"version": version, "outcomes": outcomes}))


asyncio.run(main())
