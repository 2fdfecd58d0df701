"""What is done with everything of an owner: begin a session, export, import, erase."""

from collections.abc import AsyncIterator

from chat.http.call import Call
from chat.http.credentials import Session
from chat.http.export_lines import parse_export
from chat.http.queries import parse_namespace_query
from chat.http.render import render_imported, render_receipt, render_session
from chat.http.response import Response, render_lines
from chat.usecases.export import Line
from chat.usecases.export import export as lay_out


async def start_session(call: Call) -> Response:
    """Answer `POST /session`."""
    await call.backend.count_session(call)
    return render_session(Session(call.outside.make_token()), call.caller)


async def export(call: Call) -> Response:
    """Answer `GET /export`; the lines are sent while they are read."""
    return await render_lines(_read_export(call, parse_namespace_query(call.uri)))


async def _read_export(call: Call, namespace: str | None) -> AsyncIterator[Line]:
    stores = await call.connect()
    lines = lay_out(stores.snapshots, stores.long_term, call.settings, call.now(), namespace)
    async for line in lines:
        yield line


async def import_(call: Call) -> Response:
    """Answer `POST /import`; the file's bytes are counted against the limit before it is parsed."""
    stores = await call.connect()
    await stores.count_import(len(call.body))
    exported = parse_export(call.body, call.settings.max_prompt_bytes, call.now())
    return render_imported(await stores.importer.take(exported))


async def erase(call: Call) -> Response:
    """Answer `DELETE /me`."""
    receipt = await call.backend.erase(call, call.caller.needed_owner())
    return render_receipt(receipt, call.caller)
