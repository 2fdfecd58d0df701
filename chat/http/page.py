"""The chat page: the files of `web/`, read when the component is built."""

import pathlib
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
SOURCES = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in TYPES}
VERSION = digest(*(part for name in sorted(SOURCES) for part in (name, SOURCES[name])))[:16]
"""Names this state of all files; it is part of the path of every file but the page itself."""
INDEX = "index.html"
FILES = SOURCES | {INDEX: SOURCES[INDEX].replace(b"/VERSION/", f"/{VERSION}/".encode())}

CHECKED = "no-cache"
KEPT = "public, max-age=31536000, immutable"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What the page may do: run and ask what comes from where it does, and make nodes of no text."""


@dataclass(frozen=True)
class WebFile:
    """A file of the page, with the headers that it is served with; `body` is empty if unchanged."""

    body: bytes
    headers: Mapping[str, str]
    is_unchanged: bool


def find_file(name: str, version: str, known_tags: str) -> WebFile:
    """Find a file; `known_tags` are those of `If-None-Match`.

    A version that is not this one's, as a page has that came from another state of the component,
    gets what there is, and does not keep it.
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
