"""Downloads the file of a model: with progress, and from where it broke off before."""

import hashlib
import pathlib
import re
import time

import httpx

from host.errors import HostError
from host.real_model.words import Download
from host.terminal import say

TIMEOUT_S = 30.0
TRIES = 5
SAY_EVERY_S = 5.0
MB = 1_000_000
DIGEST_HEADERS = ("x-linked-etag", "etag")
"""Where servers of models say a file's SHA-256, if they do."""
SHA256 = re.compile(r"[0-9a-f]{64}")
RANGE = re.compile(r"bytes (\d+)-")


def download(wanted: Download, folder: pathlib.Path) -> pathlib.Path:
    """Download a file into a folder, unless it is there, and return its path.

    What was downloaded when it broke off stays, as `NAME.part`, and is gone on with.
    Errors: HostError; a file with another digest than was said is removed.
    """
    path = folder / wanted.file_name
    if path.is_file():
        _check(wanted, path, wanted.sha256)
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{wanted.file_name}.part"
    say(f"Downloading {wanted.url}")
    digest = _fetch(wanted, part)
    _check(wanted, part, digest)
    part.replace(path)
    say(f"It is in {path}; the next start finds it there")
    return path


def _fetch(wanted: Download, part: pathlib.Path) -> str:
    """Fetch what is missing of a file; return the digest that it must have, empty if none is known.

    Errors: HostError.
    """
    problem = ""
    for _ in range(TRIES):
        try:
            with httpx.Client(follow_redirects=True, timeout=TIMEOUT_S) as client:
                said = _fetch_once(client, wanted.url, part)
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
        else:
            return wanted.sha256 or said
    raise HostError(f"--chat-model {wanted.url}: {problem}; what came is kept, so try again")


def _fetch_once(client: httpx.Client, url: str, part: pathlib.Path) -> str:
    """Go on with a file; return the SHA-256 that the server says, empty if it says none.

    Errors: HostError for an answer that has no file; those of httpx.
    """
    tag_file = part.with_suffix(".tag")
    have = part.stat().st_size if part.is_file() and tag_file.is_file() else 0
    headers = {"accept-encoding": "identity"}
    if have:  # a server whose file is another by now sends all of that
        headers |= {"range": f"bytes={have}-", "if-range": tag_file.read_text()}
    with client.stream("GET", url, headers=headers) as answer:
        begun = _begins_at(answer, have)
        tag_file.unlink(missing_ok=True)
        tag = answer.headers.get("etag", "")
        if tag and not tag.startswith("W/"):
            tag_file.write_text(tag)
        _write(answer, part, begun)
        tag_file.unlink(missing_ok=True)
        return _said_digest([*answer.history, answer])


def _begins_at(answer: httpx.Response, have: int) -> int:
    """Return the byte with which an answer begins.

    Errors: HostError.
    """
    found = RANGE.match(answer.headers.get("content-range", ""))
    if answer.status_code == httpx.codes.PARTIAL_CONTENT and found and int(found[1]) == have:
        return have
    if answer.status_code == httpx.codes.OK:
        return 0
    raise HostError(f"--chat-model {answer.url}: the server answered {answer.status_code}")


def _write(answer: httpx.Response, part: pathlib.Path, begun: int) -> None:
    """Write the rest of a file, and say how far it is."""
    length = int(answer.headers.get("content-length", 0))
    done, said_at = begun, time.monotonic()
    with part.open("ab" if begun else "wb") as file:
        for chunk in answer.iter_bytes():
            file.write(chunk)
            done += len(chunk)
            if time.monotonic() - said_at > SAY_EVERY_S:
                said_at = time.monotonic()
                of = f" of {(begun + length) / MB:,.0f}" if length else ""
                say(f"  {done / MB:,.0f}{of} MB")


def _said_digest(answers: list[httpx.Response]) -> str:
    for answer in answers:
        for name in DIGEST_HEADERS:
            value: str = answer.headers.get(name, "").strip('"').lower()
            if SHA256.fullmatch(value):
                return value
    return ""


def _check(wanted: Download, path: pathlib.Path, digest: str) -> None:
    """Check a file's digest, if one is known.

    Errors: HostError.
    """
    if not digest:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        path.unlink()
        raise HostError(
            f"--chat-model {wanted.url}: its SHA-256 is {found}, and must be {digest}; removed"
        )
