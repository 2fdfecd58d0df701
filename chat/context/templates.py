"""Renders messages as the one string that a model expects, in the model's chat template.

Text is data: markers inside a message are broken up before rendering; see `chat.context.markers`.

Source: the chat templates published with each model family. The begin-of-text token at the start is
left out here, because the engine adds it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chat.context.markers import break_up_speakers, neutralise
from chat.context.reply import ReplyText, make_ends
from chat.core.messages import Message

TEMPLATE_MARKERS = re.compile(
    r"\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<</?SYS>>|</?s>|<unk>"
    r"|<\|[a-z_0-9]{1,40}\|>|<(?:start|end)_of_turn>|<bos>|<eos>|<pad>|<0x[0-9A-F]{2}>",
    re.IGNORECASE,
)
"""All markers of the templates below, and tokens of single bytes.

An engine that returns the prompt may leave them out of it.
The text of a message has none of them left: `chat.context.markers` breaks up these and more.
"""
SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant"}


def _llama2(messages: Sequence[Message]) -> str:
    """Source: meta-llama/Llama-2-7b-chat-hf: the system block opens the first instruction."""
    system = f"<<SYS>>\n{messages[0].content}\n<</SYS>>\n\n" if messages[0].role == "system" else ""
    parts: list[str] = []
    for message in messages[1:] if system else messages:
        if message.role == "user":
            parts.append(f"{'<s>' if parts else ''}[INST] {system}{message.content} [/INST]")
            system = ""
        else:
            parts.append(f" {message.content} </s>")
    return "".join(parts)


def _llama3(messages: Sequence[Message]) -> str:
    """Source: meta-llama/Meta-Llama-3-8B-Instruct."""
    rendered = [
        f"<|start_header_id|>{message.role}<|end_header_id|>\n\n{message.content.strip()}<|eot_id|>"
        for message in messages
    ]
    return "".join(rendered) + "<|start_header_id|>assistant<|end_header_id|>\n\n"


def _chatml(messages: Sequence[Message]) -> str:
    """Source: Qwen/Qwen2.5-7B-Instruct."""
    rendered = [
        f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in messages
    ]
    return "".join(rendered) + "<|im_start|>assistant\n"


def _mistral(messages: Sequence[Message]) -> str:
    """Source: mistralai/Mistral-7B-Instruct-v0.3: the context opens the last user message."""
    system = f"{messages[0].content}\n\n" if messages[0].role == "system" else ""
    parts = []
    for message in messages[1:] if system else messages:
        if message.role == "user":
            content = system + message.content if message is messages[-1] else message.content
            parts.append(f"[INST] {content}[/INST]")
        else:
            parts.append(f" {message.content.strip()}</s>")
    return "".join(parts)


def _gemma(messages: Sequence[Message]) -> str:
    """Source: google/gemma-2-9b-it: no system role, so the context opens the first user message."""
    system = f"{messages[0].content}\n\n" if messages[0].role == "system" else ""
    rendered = []
    for message in messages[1:] if system else messages:
        speaker = "model" if message.role == "assistant" else "user"
        rendered.append(
            f"<start_of_turn>{speaker}\n{system}{message.content.strip()}<end_of_turn>\n"
        )
        system = ""
    return "".join(rendered) + "<start_of_turn>model\n"


def _plain(messages: Sequence[Message]) -> str:
    """Render a transcript with speaker names; a line that looks like a speaker's is broken up."""
    rendered = []
    for message in messages:
        content = break_up_speakers(message.content)
        rendered.append(
            content if message.role == "system" else f"{SPEAKERS[message.role]}: {content}"
        )
    return "\n\n".join(rendered) + "\n\nAssistant:"


@dataclass(frozen=True)
class Format:
    """A template, and the markers at which a reply is cut if the model does not stop there."""

    render: Callable[[Sequence[Message]], str]
    ends: tuple[str, ...]


FORMATS = {
    "llama2": Format(_llama2, ("</s>", "[INST]", "<s>")),
    "llama3": Format(_llama3, ("<|eot_id|>", "<|end_of_text|>", "<|start_header_id|>")),
    "chatml": Format(_chatml, ("<|im_end|>", "<|im_start|>", "<|endoftext|>")),
    "mistral": Format(_mistral, ("</s>", "[INST]")),
    "gemma": Format(_gemma, ("<end_of_turn>", "<start_of_turn>", "<eos>")),
    "plain": Format(_plain, ("\n\nUser:", "\nUser:", "\n\nSystem:")),
}

UNMISTAKABLE_ENDS = make_ends(
    [
        end
        for end in dict.fromkeys(end for one in FORMATS.values() for end in one.ends)
        if end.startswith(("<|", "<end_of_", "<start_of_"))
    ]
)
"""The end markers that nothing but a template has: `<s>` is HTML, and `User:` a line of a play.

An endpoint whose template is not its model's writes them into replies, and goes on as the user.
"""


def render_prompt(messages: Sequence[Message], prompt_format: str) -> str:
    """Render `messages` in one of `FORMATS`; markers in their text are broken up.

    Shapes: an optional system message, then user and assistant in turn; the user's is the last.
    """
    return FORMATS[prompt_format].render([_neutralised(message) for message in messages])


def _neutralised(message: Message) -> Message:
    content = neutralise(message.content)
    return message if content is message.content else Message(message.role, content)


def cut_reply(text: str, prompt_format: str, stop: Sequence[str] = ()) -> str:
    """Return the reply in a model's text: what stands before the first end marker or `stop`."""
    reply = ReplyText(make_ends((*FORMATS[prompt_format].ends, *stop)))
    return reply.take(text) + reply.finish()
