"""A real model by one word: what a word names, downloads, and turns with the model."""

import hashlib
import http.server
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from host.engines.llama_cpp import DEMO_MODEL
from host.errors import HostError
from host.real_model.answering import announce
from host.real_model.download import download
from host.real_model.words import Download, File, Remote, model_name, parse_word, variables_for
from tests.running import ROOT, RunningModels, RunningRedis, run_host

DATA = DEMO_MODEL.read_bytes()
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize(
    ("word", "environ", "origin", "path"),
    [
        ("ollama/llama3.2", {}, "http://127.0.0.1:11434", "/v1"),
        ("ollama/m:7b", {"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434", "/v1"),
        ("ollama/m", {"OLLAMA_HOST": "box:1234"}, "http://box:1234", "/v1"),
        ("ollama/m", {"OLLAMA_HOST": "https://box:443/"}, "https://box:443", "/v1"),
        ("lmstudio/a/b", {}, "http://127.0.0.1:1234", "/v1"),
        ("llamacpp/m", {"LLAMACPP_BASE_URL": "http://[::1]:9/x/"}, "http://[::1]:9", "/x"),
        ("openai/gpt-4o", {"OPENAI_API_KEY": "k"}, "https://api.openai.com", "/v1"),
    ],
)
def test_a_servers_model_becomes_variables(
    word: str, environ: dict[str, str], origin: str, path: str
) -> None:
    choice = parse_word(word, environ)

    assert isinstance(choice, Remote)
    assert variables_for(choice.name, choice.origin, choice.path) == {
        "model_api": "openai",
        "model": word.partition("/")[2],
        "model_origin": origin,
        "model_path": f"{path}/chat/completions",
        "embedding_path": f"{path}/embeddings",
    }
    assert choice.key == environ.get("OPENAI_API_KEY", "")
    assert "key" not in repr(choice)


def test_files_and_addresses_are_told_apart() -> None:
    assert parse_word("a/b.GGUF", {}) == File(pathlib.Path("a/b.GGUF"))
    assert parse_word("https://h/x/m%20q.gguf?download=true", {}) == Download(
        "https://h/x/m%20q.gguf?download=true", "m q.gguf", ""
    )
    assert parse_word(f"http://h/m.gguf#sha256={SHA256.upper()}", {}) == Download(
        "http://h/m.gguf", "m.gguf", SHA256
    )
    assert model_name(pathlib.Path("x/My model (1).gguf")) == "My-model-1-"


@pytest.mark.parametrize(
    ("word", "environ", "problem"),
    [
        ("gpt-4o", {}, "must be one of ollama/NAME"),
        ("ollama/", {}, "the model's name"),
        ("ollama/two words", {}, "the model's name"),
        ("openai/gpt-4o", {}, "OPENAI_API_KEY"),
        ("openai/m", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "ftp://x"}, "OPENAI_BASE_URL"),
        ("openai/m", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://x:y"}, "OPENAI_BASE_URL"),
        ("https://h/model.bin", {}, "must end in the name of a GGUF file"),
        ("https://h/..%2Fm.gguf#md5=1", {}, "sha256=DIGEST"),
    ],
)
def test_other_words_are_refused(word: str, environ: dict[str, str], problem: str) -> None:
    with pytest.raises(HostError, match=problem.replace("/", "/")) as refused:
        parse_word(word, environ)

    assert str(refused.value).count("\n") == 0


class FileServer(http.server.BaseHTTPRequestHandler):
    """Serves the demo model, in parts if asked; what it does wrong is in `breaks_at` and `says`."""

    breaks_at: ClassVar[list[int]] = []
    says: ClassVar[dict[str, str]] = {"etag": '"one"'}
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["range"])
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("location", "/m.gguf")
            self.send_header("x-linked-etag", f'"{SHA256}"')
            self.end_headers()
            return
        if not self.path.startswith("/m.gguf"):
            self.send_error(404)
            return
        is_same = self.headers["if-range"] == self.says["etag"]
        begin = int(self.headers["range"][6:-1]) if self.headers["range"] and is_same else 0
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("content-range", f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}")
        self.send_header("content-length", str(len(DATA) - begin))
        for name, value in self.says.items():
            self.send_header(name, value)
        self.end_headers()
        end = self.breaks_at.pop(0) if self.breaks_at else len(DATA)
        self.wfile.write(DATA[begin:end])

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def file_server() -> Iterator[str]:
    FileServer.breaks_at, FileServer.asked = [], []
    FileServer.says = {"etag": '"one"'}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FileServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def fetch(url: str, folder: pathlib.Path) -> pathlib.Path:
    wanted = parse_word(url, {})
    assert isinstance(wanted, Download)
    return download(wanted, folder)


def test_a_download_goes_on_where_it_broke_off(file_server: str, tmp_path: pathlib.Path) -> None:
    FileServer.breaks_at = [1000, 200_000]

    path = fetch(f"{file_server}/m.gguf", tmp_path)

    assert path.read_bytes() == DATA
    assert FileServer.asked == [None, "bytes=1000-", "bytes=200000-"]
    assert [file.name for file in tmp_path.iterdir()] == ["m.gguf"]


def test_a_file_that_changed_meanwhile_is_fetched_whole(
    file_server: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "m.gguf.part").write_bytes(b"GGUF of before")
    (tmp_path / "m.gguf.tag").write_text('"another"')

    path = fetch(f"{file_server}/m.gguf", tmp_path)

    assert path.read_bytes() == DATA


def test_a_file_that_is_there_is_not_fetched_again(
    file_server: str, tmp_path: pathlib.Path
) -> None:
    first = fetch(f"{file_server}/m.gguf#sha256={SHA256}", tmp_path)
    asked = len(FileServer.asked)

    assert fetch(f"{file_server}/m.gguf#sha256={SHA256}", tmp_path) == first
    assert len(FileServer.asked) == asked


@pytest.mark.parametrize("where", ["by the word", "by the server", "behind a redirect"])
def test_a_file_with_another_digest_is_removed(
    file_server: str, tmp_path: pathlib.Path, where: str
) -> None:
    wrong = "0" * 64
    url = f"{file_server}/m.gguf" + (f"#sha256={wrong}" if where == "by the word" else "")
    if where == "by the server":
        FileServer.says = {"etag": f'"{wrong}"'}
    if where == "behind a redirect":
        fetch(f"{file_server}/moved/m.gguf", tmp_path / "right")
        return
    with pytest.raises(HostError, match=f"{SHA256}, and must be {wrong}"):
        fetch(url, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_server_that_has_no_such_file_is_told(file_server: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="the server answered 404"):
        fetch(f"{file_server}/other.gguf", tmp_path)


def test_what_came_of_a_download_that_fails_is_kept(
    file_server: str, tmp_path: pathlib.Path
) -> None:
    FileServer.breaks_at = [100, 200, 300, 400, 500]

    with pytest.raises(HostError, match="what came is kept"):
        fetch(f"{file_server}/m.gguf", tmp_path)

    assert (tmp_path / "m.gguf.part").read_bytes() == DATA[:500]


def start(word: str, **environ: str) -> str:
    """Run a host that is to end by itself, and return what it printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "host", "up", "--listen", "127.0.0.1:0", "--chat-model", word],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=environ,
    )  # fmt: skip
    assert ended.returncode == 1
    return ended.stderr


@pytest.mark.long
def test_a_model_that_the_server_lacks_is_told(models: RunningModels) -> None:
    said = start("ollama/other", OLLAMA_HOST=models.url)

    assert "Ollama has no model other (`ollama pull other` gets it); it has llama2-chat" in said


@pytest.mark.long
def test_a_server_that_is_not_there_is_told() -> None:
    said = start("lmstudio/m", LMSTUDIO_BASE_URL="http://127.0.0.1:9/v1")

    assert "LM Studio does not answer at http://127.0.0.1:9; start it" in said


@pytest.mark.long
def test_servers_on_this_machine_are_named(
    models: RunningModels, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "http://127.0.0.1:9/v1"
    announce({"OLLAMA_HOST": models.url, "LMSTUDIO_BASE_URL": nobody, "LLAMACPP_BASE_URL": nobody})

    said = capsys.readouterr().err
    assert said == "Ollama answers on this machine: make up MODEL=ollama/llama2-chat\n"


@pytest.mark.long
@pytest.mark.parametrize("kind", ["a server's", "a file", "an address"])
def test_turns_are_taken_with_it(
    models: RunningModels,
    shared_redis: RunningRedis,
    wasm: pathlib.Path,
    file_server: str,
    tmp_path: pathlib.Path,
    kind: str,
) -> None:
    assert wasm.is_file()
    word = {
        "a server's": "ollama/llama2-chat",
        "a file": str(DEMO_MODEL),
        "an address": f"{file_server}/m.gguf#sha256={SHA256}",
    }[kind]
    environ = {"OLLAMA_HOST": models.url}
    variables = (f"redis_address={shared_redis.address}", f"key_prefix={tmp_path.name}")
    flags = [part for variable in variables for part in ("--variable", variable)]
    with run_host(tmp_path, "--chat-model", word, *flags, environ=environ) as chat:
        begun = chat.post(context="", prompt="My name is Ada.").json()
        answer = chat.post(id=begun["id"], prompt="What is my name?").json()

    assert "Ada" in answer["reply"]
    assert answer["usage"]["prompt_tokens"] > 0
