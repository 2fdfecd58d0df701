"""Whatever is done with a text that somebody sends takes time linear in its length."""

import contextlib
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from chat.context.budget import Room, bounded_turn
from chat.context.counts import measure
from chat.context.markers import break_up, break_up_speakers, neutralise
from chat.context.measure import rank_by_words
from chat.context.months import month_terms
from chat.context.quotes import fill_in, one_line
from chat.context.recall import Quoting, choose_memories, choose_turns
from chat.context.reply import ReplyText
from chat.context.showing import lay_out
from chat.context.templates import FORMATS, UNMISTAKABLE_ENDS, cut_reply, render_prompt
from chat.context.terms import prompt_terms, recall_terms, terms_of
from chat.core.errors import ChatError
from chat.core.memories import make_memories
from chat.core.messages import (
    Completion,
    Conversation,
    Found,
    FoundMemory,
    Memory,
    Message,
    Sampling,
    Turn,
)
from chat.core.portions import slices
from chat.core.tokens import LARGE, UNKNOWN, estimate_tokens, least_tokens
from chat.core.usage import TurnResult, Usage
from chat.http.bodies import parse_messages, parse_turn_request
from chat.http.cors import cors_headers
from chat.http.credentials import parse_caller
from chat.http.export_lines import parse_export
from chat.http.fields import parse_id, parse_metadata, parse_time, parse_title
from chat.http.log_line import parse_request_id
from chat.http.page import find_file
from chat.http.queries import (
    parse_idempotency_key,
    parse_list_query,
    parse_memory_id,
    parse_messages_query,
    parse_place,
    parse_relevant_query,
)
from chat.llm.answers import parse_embeddings, parse_message
from chat.llm.echo import find_echo, has_word
from chat.llm.openai import render_request
from chat.llm.streamed import Answer
from chat.redis.failures import RedisError, parse_error
from chat.redis.records import (
    parse_embedding,
    parse_memories,
    parse_result,
    parse_turns,
    render_memory,
    render_result,
    render_terms,
    render_turn,
)
from chat.redis.rows import Rows
from chat.wiring.surfaces import ROUTES
from tests.hostile import is_linear, slow_texts

pytestmark = pytest.mark.long

MAX_BYTES = 10_000_000
NOW = 9.0
QUOTING = Quoting(MAX_BYTES, "{age}, {speaker} said: {memory}", 1000, NOW)


def turn_of(text: str, number: int = 1) -> Turn:
    return Turn(number, (Message("user", text), Message("assistant", text)), 9, 9, 3, 0.0)


def memory_of(text: str) -> Memory:
    return Memory("1.1.0", "user", text, 0.0, 1)


def talk_of(text: str) -> Conversation:
    """Make a conversation with a turn that a search found."""
    return Conversation(1, "{o}", text, 9, 9, 3, (), found=(Found(turn_of(text, 0), 1.0),))


def as_body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def export_of(text: str) -> bytes:
    """Make an export whose conversation, turn and memory are this text."""
    message = {"role": "user", "content": f"{text}x"}
    lines = [
        {"type": "export", "version": 1},
        {"type": "conversation", "id": 1, "context": text, "created_at": 1, "active_at": 1}
        | {"turns": 1, "pinned": False},
        {"type": "turn", "conversation_id": 1, "number": 1, "at": 1, "messages": [message]},
        {"type": "memory", "id": "1.1.0", "conversation_id": 1, "created_at": 1, "pinned": False}
        | message,
        {"type": "end", "conversations": 1, "turns": 1, "memories": 1},
    ]
    return b"\n".join(json.dumps(line).encode() for line in lines)


def fit_and_measure(text: str) -> None:
    talk = talk_of(text)
    fit = Room(talk, text, context_length=10**6, max_reply_tokens=9).fit()
    measure(fit, talk, text, Completion(text, 9, 9), text)


PIECE = 64


def read_answer(text: str) -> None:
    """Read a text as an endpoint's answer, piece by piece: as a comment, and as an event."""
    answer = Answer(str)
    for piece in slices(f": {text}\ndata: {text}\n{text}".encode(), PIECE):
        answer.take(bytes(piece))
    answer.finish()


def read_reply(text: str) -> None:
    """Read a text as a reply, piece by piece."""
    reply = ReplyText(UNMISTAKABLE_ENDS)
    for piece in slices(f"x{text}", PIECE):
        reply.take(str(piece))


WHAT = dict[str, Callable[[str], object]]
PROMPTS: WHAT = {
    "neutralise": neutralise,
    "break up": break_up,
    "break up speakers": break_up_speakers,
    "make messages": lambda text: lay_out(
        text, [*turn_of(text).shown(), Message("user", text)], has_tools=True
    ),
    "find an echo": lambda text: find_echo(f"{text}x", f"{text}y", "llama2"),
    "find an echo of a prompt": lambda text: find_echo(f" {text}x", text, "plain"),
    "find a word": lambda text: has_word(text, "0123456789abcdef"),
    "ask an endpoint": lambda text: render_request(
        "m", [Message("user", text)], Sampling(9, 1.0, 1.0, 0, 1.0, 0)
    ),
} | {
    f"{what} {name}": act
    for name in FORMATS
    for what, act in {
        "render": lambda text, name=name: render_prompt([Message("user", text)], name),
        "cut a reply": lambda text, name=name: cut_reply(text, name),
    }.items()
}
ESTIMATES: WHAT = {
    "estimate": lambda text: estimate_tokens(text, UNKNOWN),
    "estimate a large vocabulary": lambda text: estimate_tokens(text, LARGE),
    "estimate the least": least_tokens,
    "observe": lambda text: UNKNOWN.observe(text, 1, 2),
    "bound a turn": lambda text: bounded_turn(1, [Message("tool", text)], NOW),
    "fit and measure": fit_and_measure,
}
RECALL: WHAT = {
    "find terms": terms_of,
    "find a prompt's terms": prompt_terms,
    "index a turn": lambda text: render_terms([turn_of(text)]),
    "put in one line": lambda text: one_line(text, 600),
    "fill in": lambda text: fill_in("{a}{b}{a}", {"{a}": text, "{b}": f"{{a}}{text}"}),
    "choose turns": lambda text: choose_turns(
        talk_of(text).found, [turn_of(f"{text}.")], NOW, MAX_BYTES, UNKNOWN
    ),
    "rank by words": lambda text: rank_by_words(
        talk_of(text), [turn_of(f"{text}.")], recall_terms(text)
    ),
    "find months": month_terms,
    "choose memories": lambda text: choose_memories(
        talk_of(text), f"{text}?", [FoundMemory(memory_of(text), 0.1)], QUOTING, MAX_BYTES
    ),
    "make memories": lambda text: make_memories(1, [turn_of(text)], 1),
}
REQUESTS: WHAT = {
    "parse a body": lambda text: parse_turn_request(text.encode(), MAX_BYTES),
    "parse a prompt": lambda text: parse_turn_request(as_body(id=1, prompt=text), MAX_BYTES),
    "parse a broken body": lambda text: parse_turn_request(f'{{"id": "{text}'.encode(), 9),
    "parse a number": lambda text: parse_turn_request(f'{{"id": 0.{text}e{text}'.encode(), 9),
    "parse a list": lambda text: parse_turn_request(f'{{"id": [{text}'.encode(), 9),
    "parse unknown fields": lambda text: parse_messages(as_body(**{text: text}), 9, NOW),
    "parse messages": lambda text: parse_messages(
        as_body(messages=[{"role": "user", "content": text}]), MAX_BYTES, NOW
    ),
    "parse fields": lambda text: [parse_metadata({text: text}, "m"), parse_title(text)],
    "parse an id": parse_id,
    "parse a time": lambda text: parse_time(text, "t", NOW),
    "parse an export": lambda text: parse_export(export_of(text), MAX_BYTES, NOW),
    "parse a broken export": lambda text: parse_export(text.encode(), MAX_BYTES, NOW),
    "parse a cut export": lambda text: parse_export(
        export_of(text)[:-1] + text.encode(), MAX_BYTES, NOW
    ),
}
HEADS: WHAT = {
    "find a route": lambda text: ROUTES.find_template(f"/{text}"),
    "find a route by its parts": lambda text: ROUTES.find_template(f"/conversations/{quote(text)}"),
    "parse a query": lambda text: parse_relevant_query(f"/?prompt={quote(text)}", MAX_BYTES),
    "parse a raw query": lambda text: parse_relevant_query(f"/?prompt={text}", MAX_BYTES),
    "parse a cursor": lambda text: parse_list_query(f"/?cursor={text}"),
    "parse roles": lambda text: parse_messages_query(f"/?role={text}"),
    "parse a place": lambda text: parse_place(text, "before"),
    "parse a memory's id": parse_memory_id,
    "parse a key": lambda text: parse_idempotency_key({"idempotency-key": text}),
    "parse a request's id": lambda text: parse_request_id({"x-request-id": text}, "new"),
    "parse a token": lambda text: parse_caller("GET", {"authorization": f"Bearer {text}"}, "a"),
    "parse a cookie": lambda text: parse_caller("GET", {"cookie": text}, "a"),
    "parse an origin": lambda text: parse_caller(
        "POST", {"origin": f"http://{text}", "spin-full-url": f"http://{text}/"}, "a"
    ),
    "parse an address": lambda text: parse_caller("GET", {"a": text, "spin-full-url": text}, "a"),
    "share": lambda text: cors_headers("GET", {"origin": text}, "", ["https://a.test"]),
    "find a file": lambda text: find_file("index.html", text, text),
}
STORES: WHAT = {
    "parse turns": lambda text: parse_turns(b"[" + render_turn(turn_of(text)) + b"]"),
    "parse broken turns": parse_turns,
    "parse memories": lambda text: parse_memories(b"[" + render_memory(memory_of(text)) + b"]"),
    "parse a result": lambda text: parse_result(
        render_result(TurnResult(1, text, text, text, None, Usage(1, 1, 1, 1, 1)))
    ),
    "parse an embedding": parse_embedding,
    "parse signatures": lambda text: list(
        Rows(f"={'0' * 8}01{text.ljust(130, '0')[: len(text) // 65 * 65]}").nearest("0" * 96)
    ),
    "parse an error": lambda text: parse_error(RedisError(text)),
    "parse a reply": lambda text: parse_message(as_body(choices=[{"message": {"content": text}}])),
    "parse a broken reply": lambda text: parse_message(text.encode()),
    "read an answer in pieces": read_answer,
    "read a reply in pieces": read_reply,
    "parse embeddings": lambda text: parse_embeddings(
        200, f'{{"data": [{{"index": 0, "embedding": [{text}]}}]}}'.encode(), 1
    ),
}


def refusing(act: Callable[[str], object]) -> Callable[[str], None]:
    """Return `act`, with its refusals ignored."""

    def acting(text: str) -> None:
        with contextlib.suppress(ChatError):
            act(text)

    return acting


@pytest.mark.parametrize("act", [
    pytest.param(act, id=name)
    for acts in (PROMPTS, ESTIMATES, RECALL, REQUESTS, HEADS, STORES)
    for name, act in acts.items()
])  # fmt: skip
def test_no_text_takes_more_than_linear_time(act: Callable[[str], object]) -> None:
    assert slow_texts(refusing(act)) == []


def test_one_endless_word_of_a_megabyte_takes_linear_time() -> None:
    assert is_linear(lambda word: estimate_tokens(word, LARGE), "th" * 8000, "th" * 512_000)


def test_many_messages_of_one_side_take_linear_time() -> None:
    def make(letters: str) -> list[Message]:
        messages = (Message("user", "a" * 1000),) * len(letters)
        return lay_out("", [*messages, Message("user", "Hi")], has_tools=True)

    assert is_linear(make, "a" * 150, "a" * 9600)
