"""What the demo model is shown in the last turn of a dialogue."""

from collections.abc import Iterator

from chat.context.templates import render_prompt
from chat.core.messages import Message
from models.score import TEMPLATE, fresh_dialogues


def prompts(count: int, seed: int) -> Iterator[str]:
    """Yield a prompt for each of `count` dialogues with names that the model never saw."""
    for dialogue in fresh_dialogues(count, seed):
        messages = [Message("system", dialogue.context)]
        for turn in dialogue.turns:
            messages += Message("user", turn.user), Message("assistant", turn.reply)
        yield render_prompt(messages[:-1], TEMPLATE)
