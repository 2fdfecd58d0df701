"""Renders the answers about an owner as a whole: credentials, what is kept, imports, erasures."""

from collections.abc import Mapping

from chat.core.errors import EraseIncomplete
from chat.http.credentials import Caller, Session
from chat.http.response import Response, error_fields, render_json
from chat.settings import Settings
from chat.usecases.erase import Receipt
from chat.usecases.take_back import Imported


def render_imported(imported: Imported) -> Response:
    """Render what became of an imported export."""
    conversations = [
        {
            "id_before": taken.id_before,
            "id": taken.id,
            "turns": taken.turn_count,
            "status": "imported" if taken.is_new else "there_already",
        }
        for taken in imported.conversations
    ]
    fields = {"conversations": conversations, "memories": imported.memory_count}
    return render_json(200, fields)


def render_receipt(receipt: Receipt, caller: Caller) -> Response:
    """Render what each store erased, as an error if something is left or a store was away."""
    stores = {
        name: {"status": "unavailable"}
        if erased is None
        else {
            "status": "erased" if erased.left == 0 else "incomplete",
            "removed": dict(erased.counts),
            "left": erased.left,
        }
        for name, erased in receipt.stores.items()
    }
    if receipt.is_complete:
        return render_json(200, {"stores": stores}, forget_cookie(caller))
    error = EraseIncomplete()
    shown = {"error": error_fields(error), "stores": stores}
    return render_json(error.status, shown, error.headers, {"code": error.code})


def render_session(session: Session, caller: Caller) -> Response:
    """Render a credential: in the body for programs, and as a cookie for a page without one."""
    return render_json(201, {"token": session.token}, session_headers(session, caller))


def render_own_session(session: Session, headers: Mapping[str, str]) -> Response:
    """Render a credential for its owner."""
    return render_json(200, {"token": session.token}, headers)


def render_kept(conversations: int, settings: Settings) -> Response:
    """Render what is kept of an owner, and for how long; no time is null."""
    lifetimes = settings.lifetimes
    fields = {
        "conversations": conversations,
        "lifetime_s": lifetimes.active_s or None,
        "lifetime_after_pause_s": lifetimes.inactive_s or None,
        "pause_s": lifetimes.inactive_after_s,
        "retention_s": settings.retention_s or None,
        "long_term": settings.long_term.backend,
    }
    return render_json(200, fields)


def session_headers(session: Session, caller: Caller) -> dict[str, str]:
    """Return the header that sets the cookie, if the caller wants one."""
    return set_cookie(session, caller) if caller.wants_cookie else {}


def set_cookie(session: Session, caller: Caller) -> dict[str, str]:
    """Return the header that sets the cookie, for the page."""
    return {"set-cookie": session.cookie(is_secure=caller.is_secure)} if caller.is_page else {}


def forget_cookie(caller: Caller) -> dict[str, str]:
    """Return the header that removes the page's cookie, if it is the credential that was erased."""
    return unset_cookie(caller) if caller.presents_cookie else {}


def unset_cookie(caller: Caller) -> dict[str, str]:
    """Return the header that removes the cookie, for the page."""
    gone = Session("").cookie(is_secure=caller.is_secure, lifetime_s=0)
    return {"set-cookie": gone} if caller.is_page else {}
