"""DeepSeek's FP8 checkpoints: E4M3 weights beside fp32 scales of their 128x128 blocks.

`NAME` [O, I] holds the E4M3 values and `NAME_scale_inv` [O/128, I/128], both rounded up, what they
are multiplied with to get the weight back. Source: the weights' README of deepseek-ai/DeepSeek-V3.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kernels.quantize import BLOCK, Quantized, dequantize_blocks
from training.model.config import ModelConfigError
from training.model.safetensors_io import CheckpointError, Stored

E4M3 = torch.float8_e4m3fn
QUANTIZATION_CONFIG: dict[str, Any] = {
    "quant_method": "fp8",
    "fmt": "e4m3",
    "activation_scheme": "dynamic",
    "weight_block_size": [BLOCK, BLOCK],
}


def scale_name(weight: str) -> str:
    return f"{weight}_scale_inv"


def scale_shape(weight_shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-(-size // BLOCK) for size in weight_shape)


def announced(config: dict[str, Any]) -> bool:
    """Whether config.json says that the linear layers are in FP8.

    Raises `ModelConfigError` for any other way of quantising.
    """
    found = config.get("quantization_config")
    if found is None:
        return False
    if not isinstance(found, dict):
        raise ModelConfigError(f"quantization_config is {found!r}: it must be an object")
    for name, needed in QUANTIZATION_CONFIG.items():
        value = found.get(name, None if name == "quant_method" else needed)
        if value != needed:
            raise ModelConfigError(
                f"quantization_config.{name} is {value!r}: only {needed!r} is supported"
            )
    return True


def read_into(weight: Stored, scale: Stored, destination: Tensor) -> None:
    """Fill `destination` [O, I] with the weight, in its own dtype, some blocks at a time.

    Raises `CheckpointError` for a scale that no weight can have.
    """
    scales = torch.empty(scale.shape, dtype=scale.dtype)
    scale.read_into(scales)
    if not bool((scales.isfinite() & (scales > 0)).all()):
        raise CheckpointError(f"{scale.name} holds a scale that is not a positive number")
    for start, rows in weight.chunks(multiple=BLOCK):
        first, last = start // BLOCK, -(-(start + len(rows)) // BLOCK)
        part = dequantize_blocks(Quantized(rows, scales[first:last]), destination.dtype)
        destination[start : start + len(rows)].copy_(part)
