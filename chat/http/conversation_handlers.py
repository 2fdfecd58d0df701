"""What is done with one conversation beside taking turns: parse, act, render."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.http.bodies import parse_change, parse_messages
from chat.http.operations import Action
from chat.http.queries import parse_messages_query, parse_place, parse_relevant_query
from chat.http.render import (
    Response,
    render_added,
    render_forgotten,
    render_forgotten_message,
    render_messages,
    render_relevant,
    render_summary,
)
from chat.settings import Settings
from chat.usecases.add_messages import add_messages
from chat.usecases.change import change_conversation, forget_message
from chat.usecases.find_relevant import find_relevant
from chat.usecases.ports import Clock, Embedder, OwnedStore, TurnStore
from chat.usecases.read_messages import read_messages
from chat.usecases.turn_memory import Recaller


@dataclass(frozen=True)
class Asked:
    """What a request about a conversation says, and the parts that answer it."""

    conversation_id: int
    parts: Mapping[str, str]
    uri: str
    body: bytes
    settings: Settings
    store: OwnedStore
    turns: TurnStore
    embedder: Embedder
    recaller: Recaller
    clock: Clock


def show_conversation(asked: Asked) -> Response:
    """Answer `GET /conversations/{id}`."""
    summary = asked.store.summarise(asked.conversation_id)
    return render_summary(summary, asked.settings.context_length)


def change(asked: Asked) -> Response:
    """Answer `PATCH /conversations/{id}`."""
    wanted = parse_change(asked.body, asked.settings.max_prompt_bytes)
    summary = change_conversation(asked.store, asked.settings, asked.conversation_id, wanted)
    return render_summary(summary, asked.settings.context_length)


def forget(asked: Asked) -> Response:
    """Answer `DELETE /conversations/{id}`."""
    return render_forgotten(asked.store.forget(asked.conversation_id))


def read(asked: Asked) -> Response:
    """Answer `GET /conversations/{id}/messages`."""
    query = parse_messages_query(asked.uri)
    found, before = read_messages(
        asked.store,
        asked.conversation_id,
        last=query.last,
        before=query.before,
        roles=query.roles,
    )
    return render_messages(found, before, as_text=query.as_text)


def add(asked: Asked) -> Response:
    """Answer `POST /conversations/{id}/messages`."""
    messages = parse_messages(asked.body, asked.settings.max_prompt_bytes, asked.clock())
    added = add_messages(
        asked.turns,
        asked.recaller,
        asked.clock,
        asked.settings,
        asked.conversation_id,
        messages,
    )
    return render_added(added)


def forget_one(asked: Asked) -> Response:
    """Answer `DELETE /conversations/{id}/messages/{message_id}`."""
    place = parse_place(asked.parts["message_id"], "message_id")
    forget_message(asked.store, asked.conversation_id, place)
    return render_forgotten_message(asked.conversation_id, place)


def relevant(asked: Asked) -> Response:
    """Answer `GET /conversations/{id}/relevant`; it asks a model, so it counts as a turn does."""
    query = parse_relevant_query(asked.uri, asked.settings.max_prompt_bytes)
    asked.turns.admit(None)
    tag = asked.settings.embedding_tag
    found = find_relevant(asked.store, asked.embedder, tag, asked.conversation_id, query)
    return render_relevant(found, as_text=query.as_text)


ACTIONS: Mapping[Action, Callable[[Asked], Response]] = {
    "show_conversation": show_conversation,
    "change_conversation": change,
    "forget_conversation": forget,
    "read_messages": read,
    "add_messages": add,
    "forget_message": forget_one,
    "find_relevant": relevant,
}
