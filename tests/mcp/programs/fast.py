"""FastMCP's client: makes the requests that standard input has, and prints the outcomes."""

import asyncio
import json
import sys
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp import McpError
from mcp.types import PromptReference, ResourceTemplateReference


async def ask(client: Client[Any], method: str, params: dict[str, Any]) -> dict[str, Any]:
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)

    if method == "completion/complete":
        kind = params["ref"]["type"]
        ref = (PromptReference if kind == "ref/prompt" else ResourceTemplateReference)(
            **params["ref"]
        )
        result: Any = await client.complete_mcp(ref, params["argument"])
    elif method == "tools/call":
        arguments = params.get("arguments", {})
        result = await client.call_tool_mcp(params["name"], arguments, progress_handler=progress)
    else:
        verb = {
            "tools/list": client.list_tools_mcp,
            "resources/list": client.list_resources_mcp,
            "resources/templates/list": client.list_resource_templates_mcp,
            "resources/read": client.read_resource_mcp,
            "prompts/list": client.list_prompts_mcp,
            "prompts/get": client.get_prompt_mcp,
        }[method]
        result = await verb(**params)
    dumped = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"result": dumped, "progress": told}


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
                outcomes.append(await ask(client, step["method"], step["params"]))
            except McpError as error:
                outcomes.append({"error": dict(error.error)})
    print(json.dumps({"version": version, "outcomes": outcomes}))


asyncio.run(main())
