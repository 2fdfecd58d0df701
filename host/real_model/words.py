"""Decides which model a word names: one that a server has, a file, or a file to download.

ollama/NAME, lmstudio/NAME, llamacpp/NAME    a server on this machine
openai/NAME                                  OpenAI, or whoever speaks as it does
FILE.gguf                                    a file, which this host serves
https://HOST/FILE.gguf                       a file that is downloaded first
"""

import pathlib
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

from host.errors import HostError

SUFFIX = ".gguf"
DIGEST = re.compile(r"sha256[=:]([0-9a-fA-F]{64})")
FORMS = (
    "ollama/NAME, lmstudio/NAME, llamacpp/NAME, openai/NAME, FILE.gguf or https://HOST/FILE.gguf"
)


@dataclass(frozen=True)
class Maker:
    """Whose server it is, and where it is.

    `address` is where it answers if the environment's `address_from` does not say another place;
    `key_from` is the environment's variable with the key, None if it needs none.
    """

    title: str
    address: str
    address_from: str
    key_from: str | None = None


MAKERS: Mapping[str, Maker] = {
    "ollama": Maker("Ollama", "http://127.0.0.1:11434/v1", "OLLAMA_HOST"),
    "lmstudio": Maker("LM Studio", "http://127.0.0.1:1234/v1", "LMSTUDIO_BASE_URL"),
    "llamacpp": Maker("llama.cpp's server", "http://127.0.0.1:8080/v1", "LLAMACPP_BASE_URL"),
    "openai": Maker("OpenAI", "https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY"),
}


@dataclass(frozen=True)
class Remote:
    """A model of a server that speaks OpenAI's protocol; `path` is what its routes begin with."""

    maker: str
    name: str
    origin: str
    path: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class File:
    """A file on this machine."""

    path: pathlib.Path


@dataclass(frozen=True)
class Download:
    """A file that is downloaded; `sha256` is what it must hash to, empty if nobody said so."""

    url: str
    file_name: str
    sha256: str


Choice = Remote | File | Download


def parse_word(word: str, environ: Mapping[str, str]) -> Choice:
    """Find out which model a word names.

    Errors: HostError for a word of no known form, or if the environment lacks what it needs.
    """
    maker, slash, name = word.partition("/")
    if maker in MAKERS and slash:
        return _parse_remote(word, maker, name, environ)
    if word.startswith(("https://", "http://")):
        return _parse_download(word)
    if word.lower().endswith(SUFFIX):
        return File(pathlib.Path(word))
    raise HostError(f"--chat-model {word}: must be one of {FORMS}")


def _parse_remote(word: str, maker: str, name: str, environ: Mapping[str, str]) -> Remote:
    known = MAKERS[maker]
    if not name or name.split() != [name]:
        raise HostError(f"--chat-model {word}: behind {maker}/ stands the model's name, one word")
    key = environ.get(known.key_from, "").strip() if known.key_from else ""
    if known.key_from and not key:
        raise HostError(
            f"--chat-model {word}: its key must be in the environment's {known.key_from}"
        )
    origin, path = address_of(maker, environ)
    return Remote(maker, name, origin, path, key)


def address_of(maker: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the origin of a maker's server, and what its routes begin with.

    `OLLAMA_HOST` may be a host, a host and a port, or a URL, and names all addresses of this
    machine as 0.0.0.0; the others are URLs with the path.
    Errors: HostError.
    """
    known = MAKERS[maker]
    given = environ.get(known.address_from, "").strip()
    if not given:
        given = known.address
    elif maker == "ollama":
        given = _ollama_url(given)
    try:
        url = urllib.parse.urlsplit(given)
        port = url.port
    except ValueError as error:
        raise HostError(f"{known.address_from}: must be a URL ({error})") from error
    if url.scheme not in ("http", "https") or not url.hostname:
        raise HostError(f"{known.address_from}: must be a URL that begins with http:// or https://")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}" + (f":{port}" if port else ""), url.path.rstrip("/")


def _ollama_url(given: str) -> str:
    scheme, separator, rest = given.partition("://")
    if not separator:
        scheme, rest = "http", given
    host = rest.rstrip("/")
    if not re.search(r":\d+$", host):
        host += ":11434"
    host = re.sub(r"^(0\.0\.0\.0|\[::\])?:", "127.0.0.1:", host)
    return f"{scheme}://{host}/v1"


def _parse_download(word: str) -> Download:
    url, _, said = word.partition("#")
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path).rpartition("/")[2]
    if not name.lower().endswith(SUFFIX) or not re.fullmatch(r"[\w.+ -]+", name):
        raise HostError(f"--chat-model {url}: the address must end in the name of a GGUF file")
    digest = DIGEST.fullmatch(said)
    if said and not digest:
        raise HostError(f"--chat-model {url}: behind # may stand sha256=DIGEST, 64 digits")
    return Download(url, name, digest[1].lower() if digest else "")


def variables_for(name: str, origin: str, path: str) -> dict[str, str]:
    """Return the application's variables with which it asks a model of a server; not the key."""
    return {
        "model_api": "openai",
        "model": name,
        "model_origin": origin,
        "model_path": f"{path}/chat/completions",
        "embedding_path": f"{path}/embeddings",
    }


def model_name(path: pathlib.Path) -> str:
    """Return the name under which a file is served: one word."""
    return re.sub(r"[^\w.+-]+", "-", path.name.removesuffix(SUFFIX)) or "model"
