"""The official client, 1.x: makes the requests that standard input has, and prints the outcomes."""

import asyncio
import json
import sys
from typing import Any

from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import PromptReference, ResourceTemplateReference


async def ask(client: ClientSession, method: str, params: dict[str, Any]) -> dict[str, Any]:
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)

    if method == "completion/complete":
        kind = params["ref"]["type"]
        ref = (PromptReference if kind == "ref/prompt" else ResourceTemplateReference)(
            **params["ref"]
        )
        result: Any = await client.complete(ref, params["argument"])
    elif method == "tools/call":
        result = await client.call_tool(**params, progress_callback=progress)
    else:
        verb = {
            "tools/list": client.list_tools,
            "resources/list": client.list_resources,
            "resources/templates/list": client.list_resource_templates,
            "resources/read": client.read_resource,
            "prompts/list": client.list_prompts,
            "prompts/get": client.get_prompt,
        }[method]
        result = await verb(**params)
    dumped = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"result": dumped, "progress": told}


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
                outcomes.append(await ask(client, step["method"], step["params"]))
            except McpError as error:
                outcomes.append({"error": dict(error.error)})
    print(json.dumps({"version": version, "outcomes": outcomes}))


asyncio.run(main())
