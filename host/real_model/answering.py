"""Asks the servers of models on this machine which models they have."""

import os
import threading
from collections.abc import Mapping

import httpx

from host.errors import HostError
from host.real_model.words import MAKERS, Remote, address_of
from host.terminal import say

QUICK_S, PATIENT_S = 0.5, 5.0
LOCAL = ("ollama", "lmstudio", "llamacpp")


def models_at(origin: str, path: str, timeout_s: float, key: str = "") -> list[str] | None:
    """Return the names of a server's models; None if nothing there speaks OpenAI's protocol."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(
            f"{origin}{path}/models", headers=headers, timeout=timeout_s, trust_env=False
        )
        return [str(model["id"]) for model in answer.json()["data"]]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


def check_answers(word: str, remote: Remote) -> None:
    """Check that a server on this machine answers, and has the model.

    Errors: HostError, which says what to do.
    """
    if remote.maker not in LOCAL:
        return  # it may charge for each request, and the first turn tells as well
    title = MAKERS[remote.maker].title
    names = models_at(remote.origin, remote.path, PATIENT_S)
    if names is None:
        raise HostError(
            f"--chat-model {word}: {title} does not answer at {remote.origin}; start it"
        )
    if remote.name not in names and f"{remote.name}:latest" not in names:
        get = f" (`ollama pull {remote.name}` gets it)" if remote.maker == "ollama" else ""
        has = ", ".join(names) or "none"
        raise HostError(
            f"--chat-model {word}: {title} has no model {remote.name}{get}; it has {has}"
        )


def announce_in_background() -> None:
    """Print one line for each server on this machine that has a model, if there is one."""
    threading.Thread(target=announce, args=(os.environ,), daemon=True).start()


def announce(environ: Mapping[str, str]) -> None:
    """Print how to use each server on this machine that answers."""
    for maker in LOCAL:
        try:
            origin, path = address_of(maker, environ)
        except HostError:
            continue
        for name in (models_at(origin, path, QUICK_S) or [])[:1]:
            say(f"{MAKERS[maker].title} answers on this machine: make up MODEL={maker}/{name}")
