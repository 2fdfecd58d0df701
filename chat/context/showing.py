"""Decides how messages are shown to a model: user and assistant in turn, calls with their outputs.

A model's endpoint refuses a call without its output, and an output without its call. Either may be
missing where one was forgotten, or was never given: then the other is shown as a text.
"""

from collections.abc import Iterator, Sequence

from chat.context.budget import NO_USER_MESSAGE, as_shown
from chat.core.messages import SIDES, Message, take_turns


def lay_out(context: str, said: Sequence[Message], *, has_tools: bool) -> list[Message]:
    """Return messages as a model is shown them, behind the system context.

    User and assistant take turns, because models are trained on nothing else. A message in another
    role is shown as the user's, with its role written before it, and several messages in a row of
    one side become one. An empty context is left out. `has_tools`: whether the model knows more
    than texts, as an endpoint does; otherwise tool calls, outputs and images are shown as texts.
    """
    if take_turns(said):  # as nearly always: to lay out a hundred messages takes long
        shown = list(said)
    else:
        shown = list(_joined(list(_paired(said, has_tools=has_tools))))
    if not shown or shown[0].role == "assistant":
        shown.insert(0, Message("user", NO_USER_MESSAGE))
    return [Message("system", context), *shown] if context else shown


def _paired(messages: Sequence[Message], *, has_tools: bool) -> Iterator[Message]:
    """Yield messages where each call has its output behind it, and each output its call before it.

    Shapes: outputs come behind all calls that stand in a row.
    """
    place = 0
    while place < len(messages):
        run = _run_of(messages, place)
        outputs = _outputs_behind(messages, place + len(run))
        place += len(run) + len(outputs)
        answered = {output.call_id for output in outputs} if has_tools else set()
        made = {call.id for message in run for call in message.calls}
        for message in run:
            is_known = has_tools or not message.images
            if is_known and all(call.id in answered for call in message.calls):
                yield message
            else:
                yield Message(message.role, as_shown(message))
        for output in outputs:
            is_answer = output.call_id in made & answered
            yield output if is_answer else Message("user", as_shown(output))


def _run_of(messages: Sequence[Message], place: int) -> list[Message]:
    """Return the message at a place, and those behind it if they are the assistant's as it is."""
    end = place
    while end < len(messages) and messages[end].call_id is None:
        if end > place and not messages[end - 1].role == messages[end].role == "assistant":
            break
        end += 1
    return list(messages[place:end])


def _outputs_behind(messages: Sequence[Message], place: int) -> list[Message]:
    outputs: list[Message] = []
    while place < len(messages) and messages[place].call_id is not None:
        outputs.append(messages[place])
        place += 1
    return outputs


def _joined(messages: Sequence[Message]) -> Iterator[Message]:
    """Yield one message for several in a row of one side; calls go behind the texts before them."""
    rows: list[list[Message]] = []
    for message in messages:
        said = message
        if message.role not in SIDES and message.call_id is None:
            said = Message("user", as_shown(message))
        if rows and said.call_id is None and rows[-1][-1].role == said.role:
            rows[-1].append(said)
        else:
            rows.append([said])
    for row in rows:
        content = "\n\n".join([message.content for message in row if message.content])
        calls = tuple(call for message in row for call in message.calls)
        images = tuple(image for message in row for image in message.images)
        yield Message(row[0].role, content, calls=calls, call_id=row[0].call_id, images=images)
