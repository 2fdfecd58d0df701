"""What is done with everything of an owner: begin a session, export, import, erase."""

from collections.abc import AsyncIterator

from chat.http.call import Call
from chat.http.credentials import Session, parse_session
from chat.http.export_lines import parse_export
from chat.http.image_fields import image_tokens
from chat.http.queries import parse_namespace_query
from chat.http.render_owner import (
    render_imported,
    render_kept,
    render_own_session,
    render_receipt,
    render_session,
    set_cookie,
    unset_cookie,
)
from chat.http.response import Response, render_lines
from chat.usecases.export import Line
from chat.usecases.export import export as lay_out


async def start_session(call: Call) -> Response:
    """Answer `POST /session`."""
    await call.backend.count_session(call)
    return render_session(Session(call.outside.make_token()), call.caller)


async def show_session(call: Call) -> Response:
    """Answer `GET /session`: the credential goes to whoever has it already."""
    return render_own_session(parse_session(call.headers, call.caller), {})


async def keep_session(call: Call) -> Response:
    """Answer `PUT /session`; the page alone gets the cookie, which may replace another."""
    session = parse_session(call.headers, call.caller)
    return render_own_session(session, set_cookie(session, call.caller))


async def end_session(call: Call) -> Response:
    """Answer `DELETE /session`; what belongs to the credential stays."""
    session = parse_session(call.headers, call.caller)
    return render_own_session(session, unset_cookie(call.caller))


async def show_kept(call: Call) -> Response:
    """Answer `GET /me`."""
    stores = await call.connect()
    return render_kept(len(await stores.snapshots.list_ids()), call.settings)


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
    settings = call.settings
    exported = parse_export(
        call.body, settings.max_prompt_bytes, call.now(), image_tokens(settings)
    )
    return render_imported(await stores.importer.take(exported))


async def erase(call: Call) -> Response:
    """Answer `DELETE /me`."""
    receipt = await call.backend.erase(call, call.caller.needed_owner())
    return render_receipt(receipt, call.caller)
