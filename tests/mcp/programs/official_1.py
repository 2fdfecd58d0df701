"""The official client, 1.x: makes the requests that standard input has, and prints the outcomes."""

import asyncio
import json
import sys

from asking import ask
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import PromptReference, ResourceTemplateReference

REFERENCES = (PromptReference, ResourceTemplateReference)


async def main() -> None:
    asked = json.load(sys.stdin)
    outcomes = []
    headers = {"authorization": f"Bearer {asked['token']}"}
    async with (
        streamablehttp_client(asked["url"], headers=headers) as (read, write, _),
        ClientSession(read, write) as client,
    ):
        version = (await client.initialize()).protocolVersion
        await client.send_ping()
        for step in asked["steps"]:
            try:
                outcomes.append(await ask(client, REFERENCES, step))
            except McpError as error:
                outcomes.append({"error": dict(error.error)})
    print(json.dumps({"version": version, "outcomes": outcomes}))


asyncio.run(main())
