"""The host of the build for Preview 2, and what runs a request on it."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from spin_sdk.wit.imports import llm, variables, wasi_config_store
from spin_sdk.wit.types import Err

from chat.spin.engine import Engine
from chat.spin.host import Host
from chat.spin.p2.clock import moment_in
from chat.spin.p2.outgoing import SpinHttp
from chat.spin.p2.redis import open_redis
from chat.spin.variables import Variables

Outcome = TypeVar("Outcome")

HOST = Host(
    get_variable=Variables(wasi_config_store, variables, Err).get,
    open_redis=open_redis,
    make_http=SpinHttp,
    engine=Engine(llm, Err),
    moment_in=moment_in,
)


def run(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run a coroutine to its end, without an event loop.

    Errors: RuntimeError if it waits for anything: the calls of this build's host block instead.
    """
    try:
        coroutine.send(None)
    except StopIteration as ended:
        outcome: Outcome = ended.value
        return outcome
    coroutine.close()
    raise RuntimeError("a call waited for an event loop, and there is none")
