"""The command `python -m host model`: its flags, and how it serves models."""

import argparse
import contextlib
import ipaddress
import os
import pathlib
import socket
from collections.abc import Mapping

from host.engines.llama_cpp import DEMO_MODEL
from host.engines.minilm import MODEL as MINILM
from host.errors import HostError
from host.flags import parse_models
from host.model.app import ModelApp
from host.model.service import Models
from host.server.listening import listen, origin_of, run_server
from host.terminal import say

DEFAULT_LISTEN = "127.0.0.1:8080"
DEMO_NAME = "llama2-chat"
"""The name of the demo model if no model is given; Spin's examples ask for a model of this name."""
TOKEN_VARIABLE = "MODEL_TOKEN"  # noqa: S105 - the variable's name
MAX_THREADS = 4
KEEP_ALIVE_S = 120
"""How long an idle connection is kept.

Spin's client keeps it for 90 s only, and so never uses one that was closed here.
"""


def add_model_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its flags."""
    model = commands.add_parser(
        "model", help='serve models to [llm_compute] type = "remote_http" and to OpenAI\'s clients'
    )
    model.add_argument(
        "--listen", default=DEFAULT_LISTEN, metavar="HOST:PORT",
        help="the address to serve at; port 0 takes a free one (%(default)s)",
    )  # fmt: skip
    model.add_argument(
        "--model", action="append", default=[], metavar="NAME=FILE",
        help=f"the GGUF file of a model, as often as needed (the demo model as {DEMO_NAME})",
    )  # fmt: skip
    model.add_argument(
        "--token", metavar="TOKEN",
        help="the token that callers have to send; @FILE or the environment's "
        f"{TOKEN_VARIABLE} keep it out of the list of processes (none, on loopback only)",
    )  # fmt: skip


def run_model_command(flags: argparse.Namespace) -> None:
    """Serve models until a signal comes.

    Errors: HostError.
    """
    files = parse_models(flags.model) or {DEMO_NAME: DEMO_MODEL}
    if MINILM in files:
        raise HostError(f"--model {MINILM}: this name is the embedding model's, which is built in")
    token = find_token(flags.token, os.environ)
    listener = listen(flags.listen)
    with contextlib.closing(listener):
        if token is None and not is_loopback(listener):
            raise HostError(
                f"--listen {flags.listen}: others can reach this address; it needs a --token"
            )
        serve_models(files, token, listener)


def find_token(flag: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the token of the flag, of the file that the flag names, or of the environment.

    Errors: HostError for a token that a header cannot carry, or a file that cannot be read.
    """
    if flag is None:
        given = environ.get(TOKEN_VARIABLE, "")
        return check_token(given, TOKEN_VARIABLE) if given else None
    if flag.startswith("@"):
        return check_token(_read(pathlib.Path(flag[1:]), flag), f"--token {flag}")
    return check_token(flag, "--token")


def check_token(token: str, origin: str) -> str:
    """Return a token if a header can carry it.

    Errors: HostError, which says where the token came from and never quotes it.
    """
    if not token or " " in token or not token.isascii() or not token.isprintable():
        raise HostError(f"{origin}: must be visible ASCII characters, without spaces")
    return token


def _read(path: pathlib.Path, flag: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"--token {flag}: it cannot be read as text") from error


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach a listening socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def serve_models(
    files: Mapping[str, pathlib.Path], token: str | None, listener: socket.socket
) -> None:
    """Load the models, and serve them until a signal comes."""
    models = Models(files, threads=min(MAX_THREADS, os.cpu_count() or 1))
    try:
        for name, path in files.items():
            announce_model(name, path, has_template=models.texts[name].has_template)
        run_server(
            ModelApp(models, token), listener,
            lambda: say(f"Serving models at {origin_of(listener)}"), keep_alive_s=KEEP_ALIVE_S,
        )  # fmt: skip
    finally:
        models.close()


def announce_model(name: str, path: pathlib.Path, *, has_template: bool) -> None:
    """Print which file runs a model; that it is the demo model is said plainly."""
    if path.resolve() == DEMO_MODEL:
        say(f"Model {name}: the demo model. It is small, remembers facts, and is no assistant.")
    else:
        say(f"Model {name}: {path}")
    if not has_template:
        say(f"  {path.name} has no chat template: messages are written as ChatML")
