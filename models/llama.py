"""The Llama architecture of the demo model, in PyTorch, with weights laid out as in GGUF.

Source: llama.cpp `src/models/llama.cpp`; rotary pairs are interleaved, as in Meta's own weights.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes of the model: 1,968,192 weights."""

    vocabulary: int = 1024
    width: int = 192
    layers: int = 4
    heads: int = 6
    hidden: int = 512
    context_length: int = 4096
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5


def rotary_table(shape: Shape) -> Tensor:
    """Cosine and sine per position and pair: (2, context_length, head width / 2)."""
    pairs = shape.width // shape.heads // 2
    rates = shape.rope_base ** (-torch.arange(pairs) / pairs)
    angles = torch.arange(shape.context_length)[:, None] * rates
    return torch.stack((angles.cos(), angles.sin()))


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Rotate the interleaved pairs of `x` (batch, heads, length, head width) by position."""
    cos, sin = table[:, : x.shape[-2]]
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Block(nn.Module):
    """One decoder layer: attention and a gated feed-forward, each behind an RMS norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attn_norm = nn.RMSNorm(shape.width, shape.norm_epsilon)
        self.attn_q = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_k = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_v = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_output = nn.Linear(shape.width, shape.width, bias=False)
        self.ffn_norm = nn.RMSNorm(shape.width, shape.norm_epsilon)
        self.ffn_gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """Return `x` (batch, length, width) after this layer."""
        normed = self.attn_norm(x)
        query, key, value = (
            projection(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.attn_q, self.attn_k, self.attn_v)
        )
        query, key = rotate(query, table).to(value.dtype), rotate(key, table).to(value.dtype)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attn_output(mixed.transpose(1, 2).flatten(2))
        normed = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


class DemoLlama(nn.Module):
    """The model; input and output share their weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, shape.norm_epsilon)
        self.register_buffer("rotary", rotary_table(shape), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(
                    parameter,
                    std=0.02 if parameter is self.token_embd.weight else shape.width**-0.5,
                )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (batch, length, vocabulary) for `tokens` (batch, length)."""
        x = self.token_embd(tokens)
        for block in self.blk:
            x = block(x, self.rotary)
        return functional.linear(self.output_norm(x), self.token_embd.weight)
