"""The chat page: the files of `web/`, read when the component is built.

Its style stands in the page itself, so that the first paint waits for one answer.
"""

import base64
import hashlib
import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from chat.core.owners import digest
from chat.core.refusals import UnknownRoute

FOLDER = pathlib.Path(__file__).parent.parent.parent / "web"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
INDEX = "index.html"
STYLE = (FOLDER / "page.css").read_bytes()
PAGE = (
    (FOLDER / INDEX)
    .read_bytes()
    .replace(b'<link rel="stylesheet" href="page.css">', b"<style>" + STYLE + b"</style>")
)
NAMED = re.findall(r"/web/VERSION/([\w.]+)", PAGE.decode())
"""The files that the page asks for."""
SOURCES = {INDEX: PAGE} | {name: (FOLDER / name).read_bytes() for name in NAMED}
VERSION = digest(*(part for name in sorted(SOURCES) for part in (name, SOURCES[name])))[:16]
"""The version of all files together; it is in the path of every file but the page itself."""
FILES = SOURCES | {INDEX: PAGE.replace(b"/VERSION/", f"/{VERSION}/".encode())}

CHECKED = "no-cache"
KEPT = "public, max-age=31536000, immutable"
STYLE_MARK = base64.b64encode(hashlib.sha256(STYLE).digest()).decode()
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'sha256-{STYLE_MARK}'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What the page may do.

It may load and ask only what comes from its own origin, has the one style that it was sent with,
and may not turn text into HTML.
"""


@dataclass(frozen=True)
class WebFile:
    """A file of the page, and its headers; `body` is empty if the browser has this version."""

    body: bytes
    headers: Mapping[str, str]
    is_unchanged: bool


def find_file(name: str, version: str, known_tags: str) -> WebFile:
    """Find a file; `known_tags` are the tags of `If-None-Match`.

    A page that another version of the component has sent asks for files of that version. It gets
    the files of this version, and is told not to keep them.
    Errors: UnknownRoute.
    """
    if name not in FILES:
        raise UnknownRoute
    tag = f'"{VERSION}"'
    headers = {
        "content-type": TYPES[pathlib.PurePath(name).suffix],
        "content-security-policy": POLICY,
        "cache-control": KEPT if version == VERSION else CHECKED,
        "etag": tag,
    }
    known = [known.strip().removeprefix("W/") for known in known_tags.split(",")]
    is_unchanged = tag in known or "*" in known
    return WebFile(b"" if is_unchanged else FILES[name], headers, is_unchanged)
