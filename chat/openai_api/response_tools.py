"""Parses the functions that a model may call, and the format in which it is to reply.

They are passed on as `POST /v1/chat/completions` takes them, which differs a little.

Source: OpenAI's API reference, `tools`, `tool_choice` and `text` of "Create a response".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chat.core.refusals import InvalidRequest, Unsupported
from chat.http.fields import refuse_others
from chat.http.tool_fields import parse_word
from chat.openai_api.tools import CHOICES, MAX_TOOLS, parse_function

FORMATS = ("text", "json_object", "json_schema")
OF_FUNCTION = ("description", "parameters", "strict")


def parse_tools(value: Any) -> list[Mapping[str, Any]]:
    """Parse tools; null becomes none.

    Errors: InvalidRequest and TooLarge; Unsupported for tools that are no functions.
    """
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise InvalidRequest(f"`tools` must be a list of up to {MAX_TOOLS} functions", "tools")
    return [_parse_tool(tool, f"tools[{at}]") for at, tool in enumerate(value)]


def _parse_tool(tool: Any, name: str) -> Mapping[str, Any]:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or not isinstance(kind, str):
        raise InvalidRequest(f"`{name}` must be an object with a `type`", name)
    if kind != "function":
        raise Unsupported(
            f"tools of the type `{kind[:40]}` are not run here; functions are passed on",
            f"{name}.type",
        )
    parse_function({field: tool[field] for field in tool if field != "type"}, name)
    return tool


def as_function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a tool as chat completions take it."""
    given = {name: tool[name] for name in OF_FUNCTION if tool.get(name) is not None}
    return {"type": "function", "function": {"name": tool["name"], **given}}


def parse_tool_choice(value: Any) -> str | Mapping[str, Any] | None:
    """Parse which tools are to be called, as it was given; null becomes None.

    Errors: InvalidRequest and TooLarge; Unsupported for a choice among tools of other types.
    """
    if value is None:
        return None
    if isinstance(value, str) and value in CHOICES:
        return value
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise InvalidRequest(
            f"`tool_choice` must be one of {', '.join(CHOICES)}, or a function", "tool_choice"
        )
    if value["type"] != "function":
        raise Unsupported("`tool_choice` may name a function only", "tool_choice")
    parse_word(value.get("name"), "tool_choice.name")
    return {"type": "function", "name": value["name"]}


def tool_wishes(
    tools: Sequence[Mapping[str, Any]], choice: str | Mapping[str, Any] | None, parallel: Any
) -> dict[str, Any]:
    """Return the fields of chat completions for tools; none without tools."""
    if not tools:
        return {}
    wishes: dict[str, Any] = {"tools": [as_function(tool) for tool in tools]}
    if isinstance(choice, str):
        wishes["tool_choice"] = choice
    elif choice is not None:
        wishes["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    if parallel is not None:
        wishes["parallel_tool_calls"] = parallel
    return wishes


def parse_format(text: Any) -> Mapping[str, Any] | None:
    """Parse `text`, and return its format as it was given; None for plain text.

    Errors: InvalidRequest and TooLarge; Unsupported for a verbosity.
    """
    if text is None:
        return None
    if not isinstance(text, dict):
        raise InvalidRequest("`text` must be an object", "text")
    refuse_others(text, ("format", "verbosity"), "text.")
    if text.get("verbosity") not in (None, "medium"):
        raise Unsupported("`text.verbosity` is not passed on", "text.verbosity")
    wanted = text.get("format")
    if wanted is None:
        return None
    if not isinstance(wanted, dict) or wanted.get("type") not in FORMATS:
        raise InvalidRequest(
            f"`text.format.type` must be one of {', '.join(FORMATS)}", "text.format"
        )
    if wanted["type"] == "json_schema":
        parse_word(wanted.get("name"), "text.format.name")
        if not isinstance(wanted.get("schema"), dict):
            raise InvalidRequest("`text.format.schema` must be an object", "text.format.schema")
    return wanted if wanted["type"] != "text" else None


def format_wishes(wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the field of chat completions for a format; none for plain text."""
    if wanted is None:
        return {}
    given = {name: value for name, value in wanted.items() if name != "type" and value is not None}
    schema = {"json_schema": given} if wanted["type"] == "json_schema" else {}
    return {"response_format": {"type": wanted["type"], **schema}}
