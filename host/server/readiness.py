"""Asks an application once whether it can work, and prints what is wrong."""

import json
import threading
import time

import httpx

from host.terminal import say

START_TIMEOUT_S = 300.0
"""How long it may take until the application is served, as a `spin` compiles it first."""
PAUSE_S = 0.2
ANSWER_TIMEOUT_S = 30.0
MAX_CHARACTERS = 500


def ask_in_background(origin: str, path: str) -> None:
    """Ask at `path` as soon as `origin` is served, and print the answer if it is not 200."""
    if path:
        threading.Thread(target=_ask, args=(origin, path), daemon=True).start()


def _ask(origin: str, path: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(origin + path, timeout=ANSWER_TIMEOUT_S, trust_env=False)
        except httpx.ConnectError:
            time.sleep(PAUSE_S)
            continue
        except httpx.HTTPError as error:
            say(f"\nNot ready: {path} does not answer ({type(error).__name__})")
            return
        if answer.status_code != httpx.codes.OK:
            say("\n".join(describe(path, answer.status_code, answer.text)))
        return


def describe(path: str, status: int, body: str) -> list[str]:
    """Return the lines that describe an answer other than 200.

    Shapes: of a JSON body they show the field `error.message` and each of `notes`; of any other
            body, its beginning.
    """
    try:
        fields = json.loads(body)
        notes = [f"  {part}: {note}" for part, note in fields.get("notes", {}).items()]
        return [f"\nNot ready: {fields['error']['message']}", *notes]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"\nNot ready: {path} answered {status} {body[:MAX_CHARACTERS]}"]
