"""Writes the demo model and its tokenizer as one GGUF file."""

import pathlib

import gguf
import numpy as np
import sentencepiece

from models.llama import DemoLlama

TEMPLATE = pathlib.Path(__file__).resolve().parent / "template.jinja"
"""The chat template; the GGUF file carries it, so that llama.cpp knows how to write messages."""


def write_gguf(path: pathlib.Path, model: DemoLlama, tokenizer_path: pathlib.Path) -> None:
    """Write weights as f16 (norms as f32) and the SentencePiece vocabulary to `path`.

    Source: the GGUF specification, ggml `docs/gguf.md`; tensor names of llama.cpp `LLM_ARCH_LLAMA`.
    """
    writer = gguf.GGUFWriter(path, "llama")
    _add_metadata(writer, model)
    _add_vocabulary(writer, tokenizer_path)
    for name, tensor in model.state_dict().items():
        kind = np.float32 if tensor.dim() == 1 else np.float16
        writer.add_tensor(name, tensor.detach().float().numpy().astype(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_metadata(writer: gguf.GGUFWriter, model: DemoLlama) -> None:
    shape = model.shape
    writer.add_name("chat with memory: demo model")
    writer.add_description("Remembers facts told in its context. No assistant.")
    writer.add_license("MIT")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(shape.vocabulary)


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer_path: pathlib.Path) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer_path))
    ids = range(pieces.vocab_size())
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(i).encode() for i in ids])
    writer.add_token_scores([pieces.get_score(i) for i in ids])
    writer.add_token_types([_token_type(pieces, i) for i in ids])
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_unk_token_id(pieces.unk_id())
    writer.add_add_bos_token(value=True)
    writer.add_add_eos_token(value=False)
    writer.add_add_space_prefix(value=True)
    writer.add_chat_template(TEMPLATE.read_text(encoding="utf-8"))


def _token_type(pieces: sentencepiece.SentencePieceProcessor, piece: int) -> int:
    if pieces.is_unknown(piece):
        return int(gguf.TokenType.UNKNOWN)
    if pieces.is_control(piece):
        return int(gguf.TokenType.CONTROL)
    if pieces.is_byte(piece):
        return int(gguf.TokenType.BYTE)
    return int(gguf.TokenType.NORMAL)
