"""What the programs of Python's clients have in common: a request by the client's own method."""

from typing import Any

VERBS = {
    "tools/list": "list_tools",
    "resources/list": "list_resources",
    "resources/templates/list": "list_resource_templates",
    "resources/read": "read_resource",
    "prompts/list": "list_prompts",
    "prompts/get": "get_prompt",
}


async def ask(
    client: Any,
    references: tuple[Any, Any],
    step: dict[str, Any],
    suffix: str = "",
    handler: str = "progress_callback",
) -> dict[str, Any]:
    """Make a request; return its result, and the progress that was told.

    Shapes: `references` are the client's types for a prompt and for a template of resources. Names
            of its methods end in `suffix`; `handler` is what takes progress.
    """
    method, params = step["method"], step["params"]
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)

    if method == "completion/complete":
        kind = references[params["ref"]["type"] != "ref/prompt"]
        complete = getattr(client, f"complete{suffix}")
        result = await complete(kind(**params["ref"]), params["argument"])
    elif method == "tools/call":
        call = getattr(client, f"call_tool{suffix}")
        result = await call(**{"arguments": {}, **params, handler: progress})
    else:
        result = await getattr(client, f"{VERBS[method]}{suffix}")(**params)
    dumped = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"result": dumped, "progress": told}
