"""Parses what a request says of tools; each error names its field.

Source: OpenAI's API reference, `tools`, `tool_choice` and `parallel_tool_calls`.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from chat.core.refusals import InvalidRequest, Unsupported
from chat.http.fields import parse_text, refuse_others

MAX_TOOLS = 128
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
MAX_DESCRIPTION_BYTES = 16 * 1024
OF_FUNCTION = ("name", "description", "parameters", "strict")
CHOICES = ("none", "auto", "required")


def parse_tools(value: Any) -> list[Mapping[str, Any]]:
    """Parse `tools`: only functions are taken.

    Errors: InvalidRequest, Unsupported, TooLarge.
    """
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise InvalidRequest(f"`tools` must be a list of up to {MAX_TOOLS} tools", "tools")
    return [_parse_tool(tool, f"tools[{at}]") for at, tool in enumerate(value)]


def _parse_tool(tool: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(tool, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    if tool.get("type") != "function":
        raise Unsupported(f"`{name}.type` must be `function`: no other tools run here", name)
    refuse_others(tool, ("type", "function"), f"{name}.")
    return {
        "type": "function",
        "function": parse_function(tool.get("function"), f"{name}.function"),
    }


def parse_function(value: Any, name: str) -> Mapping[str, Any]:
    """Parse a function that the model may call; fields that are null are left out.

    Errors: InvalidRequest, TooLarge.
    """
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    refuse_others(value, OF_FUNCTION, f"{name}.")
    function = {field: of for field, of in value.items() if of is not None}
    if not isinstance(function.get("name"), str) or not NAME.fullmatch(function["name"]):
        allowed = "1 to 64 letters, digits, `_` or `-`"
        raise InvalidRequest(f"`{name}.name` must be {allowed}", f"{name}.name")
    if "description" in function:
        parse_text(function["description"], f"{name}.description", MAX_DESCRIPTION_BYTES)
    for field, kind, said in (("parameters", dict, "an object"), ("strict", bool, "true or false")):
        if field in function and not isinstance(function[field], kind):
            raise InvalidRequest(f"`{name}.{field}` must be {said}", f"{name}.{field}")
    return function


def parse_tool_choice(value: Any, known: Collection[str]) -> str | Mapping[str, Any]:
    """Parse `tool_choice`; `known` are the names of the functions.

    Errors: InvalidRequest, Unsupported.
    """
    if isinstance(value, str) and value in CHOICES:
        return value
    kind = value.get("type") if isinstance(value, dict) else None
    if kind != "function":
        allowed = f"{', '.join(CHOICES)}, or a function"
        raise Unsupported(f"`tool_choice` must be {allowed}", "tool_choice")
    function = value.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if name not in known:
        raise InvalidRequest("`tool_choice` must name one of the `tools`", "tool_choice")
    return {"type": "function", "function": {"name": name}}
