"""What a turn is asked with: its new messages, and what is shown beside them in this turn only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.context.budget import (
    TEMPLATE_TOKENS,
    as_shown,
    beside_text_tokens,
    message_tokens,
)
from chat.core.messages import Message, Sampling, Turn


@dataclass(frozen=True)
class Asked:
    """What one turn is asked with.

    Shapes: `messages` are new, and are stored with the reply; `instructions` stand behind the
            system context, and `beside` is what else the model is told, as tools and formats, in
            this turn only. `note` becomes the metadata of the reply's last message.
            `may_evict`: whether turns may leave the window to make room. `is_kept`: whether
            anything is stored. Without a `sampling`, it is that of the settings. `before` are turns
            that the caller sends along: they may leave, and there are none if anything is stored.
    """

    messages: tuple[Message, ...]
    instructions: str = ""
    beside: str = ""
    note: Mapping[str, Any] | None = None
    may_evict: bool = True
    is_kept: bool = True
    sampling: Sampling | None = None
    before: tuple[Turn, ...] = ()

    @property
    def prompt(self) -> str:
        """All that the new messages say, as one text."""
        return "\n\n".join(as_shown(message) for message in self.messages)

    @property
    def said(self) -> str:
        """What to search for: what the user says, or else all that is said."""
        said = [message.content for message in self.messages if message.role == "user"]
        return "\n\n".join(said) or self.prompt

    @property
    def certain(self) -> str:
        """What of the new messages the model sees as it is, however calls are written."""
        return "\n\n".join(message.content for message in self.messages)

    @property
    def around_tokens(self) -> int:
        """The most that stands beside the prompt's text: images, and what templates take.

        What a template takes around the first message is counted with the text.
        """
        beside_tokens = sum(beside_text_tokens(message) for message in self.messages)
        return TEMPLATE_TOKENS * (len(self.messages) - 1) + beside_tokens

    @property
    def beside_tokens(self) -> int:
        """The most that is shown in this turn only takes, recalled texts aside."""
        shown = filter(None, (self.instructions, self.beside))
        return sum(message_tokens(text) for text in shown)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but one prompt, which is text."""
        is_one = len(self.messages) == 1 and not self.messages[0].images
        return is_one and not self.instructions and not self.beside

    @property
    def continues(self) -> bool:
        """Whether the first message is the output of a call that the turn before made."""
        return self.messages[0].call_id is not None


def plain(prompt: str) -> Asked:
    """Return what a turn with one prompt is asked with."""
    return Asked((Message("user", prompt),))
