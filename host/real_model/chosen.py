"""Tells the application of the model that a word names, and serves it if it is a file."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from host.errors import HostError
from host.flags import check_gguf
from host.real_model.answering import check_answers
from host.real_model.download import download
from host.real_model.words import (
    MAKERS,
    Download,
    File,
    Remote,
    model_name,
    parse_word,
    variables_for,
)
from host.services.models import served_models
from host.terminal import say

FOLDER = "chat-models"
KEY_VARIABLE = "SPIN_VARIABLE_MODEL_KEY"
"""Where Spin and this host find `model_key`: no list of processes shows the environment."""


@contextlib.contextmanager
def chosen_model(word: str | None, state_dir: pathlib.Path) -> Iterator[dict[str, str]]:
    """Yield the variables with which the application asks the model that a word names.

    A file is served by a process of its own until the end. None names no model.
    Errors: HostError.
    """
    if word is None:
        yield {}
        return
    choice = parse_word(word, os.environ)
    if isinstance(choice, Remote):
        check_answers(word, choice)
        if choice.key:
            os.environ[KEY_VARIABLE] = choice.key
        say(f"The model is {choice.name} of {MAKERS[choice.maker].title}, at {choice.origin}")
        yield variables_for(choice.name, choice.origin, choice.path)
        return
    path = _file_of(word, choice, state_dir / FOLDER)
    name = model_name(path)
    with served_models({name: path}, state_dir / "chat-model.log") as url:
        say(f"The model is {path}, served at {url}")
        yield variables_for(name, url, "/v1")


def _file_of(word: str, choice: File | Download, folder: pathlib.Path) -> pathlib.Path:
    """Return the file of a choice.

    Errors: HostError.
    """
    path = download(choice, folder) if isinstance(choice, Download) else choice.path
    if not path.is_file():
        raise HostError(f"--chat-model {word}: there is no file {path}")
    check_gguf(f"--chat-model {word}", path)
    return path
