"""Writes tensors as a safetensors file of 16-bit floats.

Source: the format's description in huggingface/safetensors, README, "Format".
"""

import json
import struct
from collections.abc import Mapping

from models.spin.gguf import ElementType, Tensor

ALIGNMENT = 8
"""The first tensor begins at a multiple of this many bytes."""


def render_safetensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Render `tensors` in their order.

    Errors: OverflowError for a value that 16 bits cannot hold.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    blocks: list[bytes] = []
    end = 0
    for name, tensor in tensors.items():
        block = as_f16(tensor)
        start, end = end, end + len(block)
        header[name] = {"dtype": "F16", "shape": tensor.shape, "data_offsets": [start, end]}
        blocks.append(block)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % ALIGNMENT)
    return struct.pack("<Q", len(head)) + head + b"".join(blocks)


def as_f16(tensor: Tensor) -> bytes:
    """Return the values of `tensor` as 16-bit floats, little-endian, rounded to nearest."""
    if tensor.element_type is ElementType.F16:
        return tensor.data
    values = struct.unpack(f"<{len(tensor.data) // 4}f", tensor.data)
    return struct.pack(f"<{len(values)}e", *values)
