"""Makes the files from which Spin's own engine loads a Llama, out of a GGUF file.

Source: spin `crates/llm-local/src/llama.rs`; candle-transformers `models::llama`, which wants the
        names and the layout of Hugging Face's `LlamaForCausalLM`.
"""

import json
from typing import Any

from models.spin.gguf import Tensor, parse_gguf
from models.spin.safetensors import render_safetensors
from models.spin.tokenizer import make_tokenizer

WEIGHTS = "model.safetensors"
OUTER_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
}
BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def llama_files(gguf_file: bytes) -> dict[str, bytes]:
    """Make a model folder's files, by name, from the bytes of a GGUF file.

    Errors: ValueError, KeyError or struct.error for a file that is not a Llama with 16- or 32-bit
            floats, a SentencePiece vocabulary, and output weights that are its embeddings.
    """
    gguf = parse_gguf(gguf_file)
    config = make_config(gguf.metadata)
    tensors = {
        rename(name): half_rotated(name, tensor, config) for name, tensor in gguf.tensors.items()
    }
    return {
        "config.json": render_json(config),
        "tokenizer.json": render_json(make_tokenizer(gguf.metadata)),
        WEIGHTS + ".index.json": render_json({"weight_map": dict.fromkeys(tensors, WEIGHTS)}),
        WEIGHTS: render_safetensors(tensors),
    }


def make_config(metadata: dict[str, Any]) -> dict[str, Any]:
    """Make the content of `config.json`."""
    heads = metadata["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "float16",
        "hidden_act": "silu",
        "hidden_size": metadata["llama.embedding_length"],
        "intermediate_size": metadata["llama.feed_forward_length"],
        "num_hidden_layers": metadata["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": metadata.get("llama.attention.head_count_kv", heads),
        "rms_norm_eps": metadata["llama.attention.layer_norm_rms_epsilon"],
        "rope_theta": metadata["llama.rope.freq_base"],
        "max_position_embeddings": metadata["llama.context_length"],
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "tie_word_embeddings": True,
    }


def rename(name: str) -> str:
    """Return Hugging Face's name of a tensor, by its name in llama.cpp."""
    if name in OUTER_NAMES:
        return OUTER_NAMES[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{BLOCK_NAMES[part]}.{kind}"


def half_rotated(name: str, tensor: Tensor, config: dict[str, Any]) -> Tensor:
    """Reorder the rows of a query or key projection; return any other tensor as it is.

    llama.cpp rotates pairs of neighbouring values of a head, (0, 1), (2, 3), …; candle's `rope` and
    Hugging Face rotate pairs of values that are half a head apart.
    """
    if name.endswith("attn_q.weight"):
        return half_rotated_rows(tensor, config["num_attention_heads"])
    if name.endswith("attn_k.weight"):
        return half_rotated_rows(tensor, config["num_key_value_heads"])
    return tensor


def half_rotated_rows(tensor: Tensor, heads: int) -> Tensor:
    """Return a tensor whose heads each have the even rows before the odd rows."""
    row_count = tensor.shape[0]
    row_bytes = len(tensor.data) // row_count
    rows = [tensor.data[row * row_bytes :][:row_bytes] for row in range(row_count)]
    size = row_count // heads
    ordered = [
        row
        for start in range(0, row_count, size)
        for parity in (0, 1)
        for row in rows[start + parity : start + size : 2]
    ]
    return Tensor(tensor.element_type, tensor.shape, b"".join(ordered))


def render_json(value: object) -> bytes:
    """Render `value` as JSON in UTF-8, with a line for each part."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
