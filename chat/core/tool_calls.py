"""The values of tool calls: functions of the caller's that the model wants to have called."""

from typing import NamedTuple


class ToolCall(NamedTuple):
    """A call of one of the caller's functions by the model; `arguments` is JSON as the model wrote.

    What the model writes may be no JSON.
    """

    id: str
    name: str
    arguments: str


class CallPart(NamedTuple):
    """A part of the model's tool call at `place` among its calls, while it is made.

    Shapes: the first part of a call has its `id` and `name`, which are empty in later ones; the
            `arguments` of all parts together are those of the call.
    """

    place: int
    id: str
    name: str
    arguments: str
