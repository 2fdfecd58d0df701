"""Renders what is kept of a request with an Idempotency-Key."""

from chat.redis.records import render_result
from chat.redis.script import Argument
from chat.usecases.ports import Done, Repetition


def render_started(repetition: Repetition | None, conversation_id: int) -> str:
    """Render where an Idempotency-Key leads; empty without one."""
    return f"{repetition.body}:{conversation_id}" if repetition else ""


def render_running(repetition: Repetition, fencing: str) -> str:
    """Render that the first turn of an Idempotency-Key is running, as this request's."""
    return f"{repetition.body}?{fencing}"


def render_done(done: Done | None, turn_number: int) -> dict[str, Argument]:
    """Render the digest of an Idempotency-Key and what is kept under it; empty without one."""
    if done is None:
        return {"repetition": "", "result": b""}
    head = f"{done.repetition.body}:{turn_number}:".encode()
    return {"repetition": done.repetition.key, "result": head + render_result(done.result)}
