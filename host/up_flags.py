"""The flags of `python -m host up`."""

import argparse
import os
import pathlib

from host.abi.compiling import MAX_INSTANCES
from host.errors import HostError
from host.server.door import DEFAULT_LIMITS, Limits
from host.services.embedded import SERVICES

DEFAULT_LISTEN = "127.0.0.1:3000"


def add_up_flags(up: argparse.ArgumentParser) -> None:
    """Add all flags of the command."""
    _add_spin_flags(up)
    _add_own_flags(up)
    _add_limits(up)


def _add_spin_flags(up: argparse.ArgumentParser) -> None:
    """Add the flags of `spin up`."""
    up.add_argument(
        "-f", "--from", dest="source", type=pathlib.Path, default=pathlib.Path(), metavar="PATH",
        help="spin.toml, or its folder (this folder)",
    )  # fmt: skip
    up.add_argument(
        "--build", action="store_true",
        help="run the components' build commands first (they are not run)",
    )  # fmt: skip
    up.add_argument(
        "--listen", default=os.environ.get("SPIN_HTTP_LISTEN_ADDR", DEFAULT_LISTEN),
        metavar="HOST:PORT",
        help="the address to serve at; port 0 takes a free one (%(default)s; "
        "the environment's SPIN_HTTP_LISTEN_ADDR sets it)",
    )  # fmt: skip
    up.add_argument(
        "--runtime-config-file", type=pathlib.Path, metavar="FILE",
        default=os.environ.get("RUNTIME_CONFIG_FILE"),
        help="where models and variables come from (none; "
        "the environment's RUNTIME_CONFIG_FILE names one)",
    )  # fmt: skip
    up.add_argument(
        "--variable", action="append", default=[], metavar="K=V",
        help="a variable of the application, as often as needed; K=@FILE is a file's text, and "
        "@FILE.json or @FILE.toml has several (the manifest's defaults)",
    )  # fmt: skip
    up.add_argument(
        "-e", "--env", action="append", default=[], metavar="K=V",
        help="a variable in the environment of each component, as often as needed (none)",
    )  # fmt: skip
    up.add_argument(
        "--state-dir", type=pathlib.Path, metavar="FOLDER",
        help="the folder for the files of embedded services, logs and models "
        "(.spin beside spin.toml)",
    )  # fmt: skip
    up.add_argument(
        "-q", "--quiet", action="store_true",
        help="keep the components' output off the terminal (it is shown)",
    )  # fmt: skip


def _add_own_flags(up: argparse.ArgumentParser) -> None:
    """Add the flags that only this host has."""
    up.add_argument(
        "--workers", type=int, default=1, metavar="N",
        help="how many processes serve; each runs one guest at a time (%(default)s)",
    )  # fmt: skip
    up.add_argument(
        "--spin", metavar="PROGRAM",
        help="serve on this spin, and start services and models for it (this host serves itself)",
    )  # fmt: skip
    up.add_argument(
        "--embedded", action="append", default=[], choices=[*SERVICES],
        help="start this service if nothing answers at the address in the application's variable, "
        "as often as needed (none)",
    )  # fmt: skip
    up.add_argument(
        "--chat-model", metavar="MODEL",
        help="the model that answers: ollama/NAME, lmstudio/NAME, llamacpp/NAME, openai/NAME, "
        "FILE.gguf, or the https address of such a file (the variables say)",
    )  # fmt: skip
    up.add_argument(
        "--model", action="append", default=[], metavar="NAME=FILE",
        help="the GGUF file of a model, as often as needed (a file in the state folder's "
        "ai-models, or else the demo model)",
    )  # fmt: skip


def _add_limits(up: argparse.ArgumentParser) -> None:
    """Add the flags for limits on clients, for which Spin has its own means."""
    limits = DEFAULT_LIMITS
    up.add_argument(
        "--max-head-bytes", type=int, default=limits.head_bytes, metavar="N",
        help="the most bytes of a request's head (%(default)s); a larger one is answered 431",
    )  # fmt: skip
    up.add_argument(
        "--max-head-fields", type=int, default=limits.head_fields, metavar="N",
        help="the most header fields of a request (%(default)s); with more it is answered 431",
    )  # fmt: skip
    up.add_argument(
        "--head-timeout", type=float, default=limits.head_s, metavar="S",
        help="seconds that a head may take to arrive (%(default)s); a later one is answered 408",
    )  # fmt: skip
    up.add_argument(
        "--body-timeout", type=float, default=limits.body_s, metavar="S",
        help="seconds between two parts of a body (%(default)s); a later one is answered 408",
    )  # fmt: skip
    up.add_argument(
        "--max-instances", type=int, default=limits.instances, metavar="N",
        help="how many requests may run at once (%(default)s)",
    )  # fmt: skip
    up.add_argument(
        "--max-waiting", type=int, default=limits.waiting, metavar="N",
        help="how many requests may wait for an instance (%(default)s); more are answered 503",
    )  # fmt: skip


def parse_limits(flags: argparse.Namespace) -> Limits:
    """Return the limits of the flags.

    Errors: HostError for a limit that would let nobody in.
    """
    for name in ("max_head_bytes", "max_head_fields", "head_timeout", "body_timeout"):
        if getattr(flags, name) <= 0:
            raise HostError(f"--{name.replace('_', '-')}: must be above 0")
    if flags.max_waiting < 0:
        raise HostError("--max-waiting: must be 0 or more")
    if not 1 <= flags.max_instances <= MAX_INSTANCES:
        raise HostError(f"--max-instances: must be from 1 to {MAX_INSTANCES}")
    return Limits(
        head_bytes=flags.max_head_bytes,
        head_fields=flags.max_head_fields,
        head_s=flags.head_timeout,
        body_s=flags.body_timeout,
        instances=flags.max_instances,
        waiting=flags.max_waiting,
    )
