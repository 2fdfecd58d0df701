"""The host of the build for Preview 3: an instance answers many requests, at once and in turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from componentize_py_types import Err
from spin_sdk.wit.imports import (
    fermyon_spin_llm_2_0_0 as llm,
)
from spin_sdk.wit.imports import (
    fermyon_spin_variables_2_0_0 as variables,
)
from spin_sdk.wit.imports import (
    wasi_config_store_0_2_0_draft_2024_09_27 as config_store,
)

from chat.core.addresses import RedisAddress
from chat.redis.connection import Way
from chat.spin.engine import Engine
from chat.spin.host import Host
from chat.spin.p3.nodes import InstanceCluster, InstanceMaster
from chat.spin.p3.outgoing import SpinHttp
from chat.spin.p3.redis import InstanceRedis
from chat.spin.p3.waiting import moment_in
from chat.spin.variables import Variables

_connections: dict[RedisAddress, InstanceRedis] = {}
_others: dict[RedisAddress, InstanceCluster | InstanceMaster] = {}


@asynccontextmanager
async def open_redis(address: RedisAddress) -> AsyncIterator[Way]:
    """Use the instance's connections, which stay open behind the request."""
    connection = _connections.get(address)
    if connection is not None:
        yield connection
    elif address.mode == "single":
        made = InstanceRedis(address.url, address.timeout_s)
        yield _connections.setdefault(address, made)
    else:
        if address not in _others:
            kind = InstanceCluster if address.mode == "cluster" else InstanceMaster
            _others[address] = kind(address)
        yield _others[address].open()


HOST = Host(
    get_variable=Variables(config_store, variables, Err).get,
    open_redis=open_redis,
    make_http=SpinHttp,
    engine=Engine(llm, Err),
    moment_in=moment_in,
)
