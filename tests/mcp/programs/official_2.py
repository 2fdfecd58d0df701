"""The official client, 2.x: makes the requests that standard input has, and prints the outcomes.

What was sent to it is printed, too, so that a test can compare it with the protocol's schema.
"""

import asyncio
import json
import sys

import httpx2
from asking import ask
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import PromptReference, ResourceTemplateReference

REFERENCES = (PromptReference, ResourceTemplateReference)
RECEIVED: list[dict[str, str]] = []


async def record(response: httpx2.Response) -> None:
    """Keep the body of an answer, with the request that it answers."""
    asked = json.loads(response.request.content or b"{}")
    body = (await response.aread()).decode()
    if "id" in asked and response.status_code not in (202, 401):
        media = response.headers["content-type"]
        RECEIVED.append({"method": asked["method"], "media": media, "body": body})


async def main() -> None:
    asked = json.load(sys.stdin)
    outcomes = []
    async with httpx2.AsyncClient(
        headers={"authorization": f"Bearer {asked['token']}"},
        timeout=60,
        event_hooks={"response": [record]},
    ) as http:
        transport = streamable_http_client(asked["url"], http_client=http)
        async with Client(transport, mode=asked["mode"]) as client:
            version = client.protocol_version
            for step in asked["steps"]:
                try:
                    outcomes.append(await ask(client, REFERENCES, step))
                except MCPError as error:
                    outcomes.append({"error": {"code": error.code, "message": error.message}})
    print(json.dumps({"version": version, "outcomes": outcomes, "received": RECEIVED}))


asyncio.run(main())
