"""Prints the methods and parameters of the official client, as JSON."""

import functools
import inspect
import json
from typing import Any

import openai

NOT_SENT = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
"""Parameters of the client itself."""


def methods_of(resource: Any, name: str) -> dict[str, list[str]]:
    """Return the parameters of each method below a resource, by the method's name."""
    methods: dict[str, list[str]] = {}
    for attribute in dir(type(resource)):
        if attribute.startswith(("_", "with_")):
            continue
        within = f"{name}.{attribute}"
        found = inspect.getattr_static(type(resource), attribute)
        if inspect.isfunction(found):
            methods[within] = [p for p in inspect.signature(found).parameters if p not in NOT_SENT]
        else:
            methods |= methods_of(getattr(resource, attribute), within)
    return methods


def resources() -> dict[str, Any]:
    """Return the resources of a client, by name."""
    client = openai.OpenAI(api_key="none")
    return {
        name: getattr(client, name)
        for name in dir(type(client))
        if isinstance(inspect.getattr_static(type(client), name), functools.cached_property)
        and not name.startswith("with_")
    }


def surface(served: set[str]) -> dict[str, list[str]]:
    """Return the methods of the resources that are `served`, and nothing for each other one."""
    found: dict[str, list[str]] = {}
    for name, resource in resources().items():
        found |= methods_of(resource, name) if name in served else {name: []}
    return found


if __name__ == "__main__":
    print(json.dumps(surface({"chat", "conversations", "embeddings", "models", "responses"})))
