"""A model behind an OpenAI-compatible chat endpoint, which is sent messages with their roles.

Spin's own interface takes a prompt as one string, and runs all calls of a process one after the
other. Here the component asks the endpoint itself, so that conversations wait for the model side by
side, and replies come while they are made.

Source: OpenAI's API reference, `POST /v1/chat/completions`.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol

from chat.context.budget import as_shown
from chat.context.markers import may_have_markers, neutralise
from chat.context.reply import ReplyText
from chat.context.templates import UNMISTAKABLE_ENDS
from chat.core.errors import ModelUnavailable
from chat.core.images import Image
from chat.core.json_text import parse_own_json, render_json_text
from chat.core.messages import Completion, Message, Sampling, are_texts
from chat.core.parameters import (
    MAX_REFUSAL_BYTES,
    REFUSING,
    USUAL,
    render_parameters,
    taken_parameters,
)
from chat.core.tool_calls import CallPart
from chat.llm.answers import check_status, parse_embeddings
from chat.llm.streamed import Answer


class Endpoint(Protocol):
    """The endpoint that requests are sent to."""

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Send JSON, and return the answer's status and body.

        Errors: ModelUnavailable, ModelTimeout.
        """

    def stream(self, body: bytes) -> AsyncGenerator[int | bytes, None]:
        """Send JSON; yield the answer's status, and then its body in chunks as they come.

        An empty chunk says that nothing has come for 2 s. Whoever stops reading closes it, which
        closes the connection.
        Errors: ModelUnavailable, ModelTimeout.
        """


def render_request(
    model: str,
    messages: Sequence[Message],
    sampling: Sampling,
    *,
    parameters: Sequence[str] = USUAL,
    takes_images: bool = False,
) -> bytes:
    """Render the request; markers in what it says are broken up, as a server might obey them.

    `parameters` are those that the endpoint takes. `takes_images`: whether the endpoint does;
    otherwise it is told only that there are some.
    """
    fields = {
        "model": model,
        "messages": _render_messages(messages, takes_images=takes_images),
        **render_parameters(parameters, sampling),
        "stream": True,
    }
    if sampling.stop:
        fields["stop"] = sampling.stop
    if sampling.wishes:
        fields |= parse_own_json(neutralise(render_json_text(sampling.wishes)))
    return render_json_text(fields).encode()


def _render_messages(messages: Sequence[Message], *, takes_images: bool) -> list[dict[str, Any]]:
    """Return messages as the endpoint takes them; nearly always there is nothing to break up."""
    if are_texts(messages) and not may_have_markers("".join([m.content for m in messages])):
        return [{"role": m.role, "content": m.content} for m in messages]
    return [_render_message(m, takes_images=takes_images) for m in messages]


def _content(message: Message, *, takes_images: bool) -> str | list[dict[str, Any]]:
    """Return what a message says: its text, or parts if there are images to show.

    An image of 0 tokens was imported where none are taken: no room is kept for it.
    """
    text = neutralise(message.content)
    if not message.images:
        return text
    if not takes_images or not all(image.tokens for image in message.images):
        return neutralise(as_shown(message))
    return [
        *([{"type": "text", "text": text}] if text else []),
        *({"type": "image_url", "image_url": _as_url(image)} for image in message.images),
    ]


def _as_url(image: Image) -> dict[str, str]:
    return {"url": image.url} | ({"detail": image.detail} if image.detail else {})


def _render_message(message: Message, *, takes_images: bool) -> dict[str, Any]:
    content = _content(message, takes_images=takes_images)
    fields: dict[str, Any] = {"role": message.role, "content": content}
    if message.call_id is not None:
        fields["tool_call_id"] = neutralise(message.call_id)
    if message.calls:
        fields["content"] = fields["content"] or None
        fields["tool_calls"] = [
            {
                "id": neutralise(call.id),
                "type": "function",
                "function": {
                    "name": neutralise(call.name),
                    "arguments": neutralise(call.arguments),
                },
            }
            for call in message.calls
        ]
    return fields


class OpenAiModel:
    """The `LanguageModel` port over an endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        make_word: Callable[[], str],
        *,
        parameters: Sequence[str] = USUAL,
        takes_images: bool = False,
    ) -> None:
        """Take `make_word`, which makes a word that no other tool call's id has."""
        self._endpoint = endpoint
        self._model = model
        self._make_word = make_word
        self._parameters = parameters
        self._takes_images = takes_images

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[str | CallPart | Completion, None]:
        """Ask the endpoint for a reply, and yield it as it comes.

        It is asked again without the parameters that it refuses.
        """
        answer, reply = Answer(self._make_word), ReplyText(UNMISTAKABLE_ENDS)
        shown: list[str] = []
        ask = partial(
            render_request, self._model, messages, sampling, takes_images=self._takes_images
        )
        async with aclosing(self._texts(ask, answer)) as texts:
            async for text in texts:
                shown.append(reply.take(text))
                yield shown[-1]
                if reply.is_cut:
                    break
                if answer.calls.parts:
                    shown.append(reply.finish())  # no text waits for what stands behind calls
                    yield shown[-1]
                    for part in answer.calls.drain():
                        yield part
        shown.append(reply.finish())
        if shown[-1]:
            yield shown[-1]
        for part in answer.calls.drain():
            yield part
        yield answer.completion("".join(shown), is_cut=reply.is_cut)

    async def _texts(self, ask: Callable[..., bytes], answer: Answer) -> AsyncGenerator[str, None]:
        """Yield the texts that `answer` finds in what comes; an empty one where it finds none.

        `ask` renders a request with the parameters that it has.
        """
        taken: Sequence[str] | None = self._parameters
        try:
            while taken is not None:
                names, taken = taken, None
                async with aclosing(self._endpoint.stream(ask(parameters=names))) as received:
                    async for one in received:
                        if isinstance(one, int):
                            taken = await _check(one, names, received)
                        elif one or not answer.is_done:
                            yield answer.take(one)
                        else:
                            break  # all has come, although the endpoint does not end its answer
        except ModelUnavailable:
            if not answer.is_ended:
                raise
        rest = answer.finish()
        if rest:
            yield rest


async def _check(
    status: int, names: Sequence[str], received: AsyncGenerator[int | bytes, None]
) -> Sequence[str] | None:
    """Return the parameters to ask with again, if an endpoint refuses some; None if it answers.

    Errors: those of `check_status`.
    """
    taken: Sequence[str] | None = None
    if status in REFUSING:
        refusal = b""
        async for one in received:  # to its end, so that none of it is taken for an answer
            if isinstance(one, bytes) and len(refusal) < MAX_REFUSAL_BYTES:
                refusal += one
        taken = taken_parameters(names, refusal)
    if taken is None:
        check_status(status)
    return taken


class OpenAiEmbedder:
    """The `Embedder` port over an endpoint."""

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Ask the endpoint for embeddings.

        Source: OpenAI's API reference, `POST /v1/embeddings`.
        """
        fields = {"model": self._model, "input": list(texts)}
        body = render_json_text(fields).encode()
        return parse_embeddings(*await self._endpoint.post(body), len(texts))
