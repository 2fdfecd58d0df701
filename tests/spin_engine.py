"""What Spin's local engine gives back: prompt and reply decoded in one, without special tokens.

It decodes with the `tokenizers` library, and so does this.
"""

from collections.abc import Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

ROLE_MARKERS = {
    "llama2": ["<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"],
    "llama3": ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "chatml": ["<|im_start|>", "<|im_end|>"],
    "mistral": ["</s>", "[INST]", "[/INST]"],
    "gemma": ["<start_of_turn>", "<end_of_turn>"],
    "plain": [],
}
TEXT_OF_LLAMA2 = {"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"}
"""Published Llama 2 tokenizers have no tokens for these: they are letters there, and come back."""


def by_bytes(special: Sequence[str]) -> Tokenizer:
    """Make a tokenizer as Llama 3 and Qwen have: bytes, and nothing lost but special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(marker, normalized=False) for marker in special])
    return made


def by_pieces(special: Sequence[str]) -> Tokenizer:
    """Make one as Llama 2, Mistral and Gemma have: `▁` for a space, bytes for what is no piece."""
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *map(chr, range(97, 123))]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    made = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=[], unk_token="<unk>", fuse_unk=True, byte_fallback=True
        )
    )
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    made.add_special_tokens([AddedToken(marker, normalized=False) for marker in special])
    return made


def given_back(tokenizer: Tokenizer, prompt: str, reply: str) -> str:
    """Decode as Spin's local engine does."""
    ids = [*tokenizer.encode(prompt).ids, *tokenizer.encode(reply).ids]
    return str(tokenizer.decode(ids, skip_special_tokens=True))
