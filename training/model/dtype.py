"""What a config's dtype means on a device."""

from __future__ import annotations

from typing import Literal

import torch

Dtype = Literal["auto", "bf16", "fp32", "fp8"]

EMULATED = "{device} has no FP8 arithmetic: it is emulated, exactly but slowly."


def best_dtype(device: torch.device | str = "cpu") -> torch.dtype:
    """bf16 on GPUs that have it and on CPUs with AMX or AVX512-BF16; fp32 elsewhere."""
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    cpu = torch.cpu.get_capabilities()
    fast = cpu.get("amx_bf16", False) or cpu.get("avx512_bf16", False)
    return torch.bfloat16 if fast else torch.float32


def weights_dtype(name: Dtype, device: torch.device | str = "cpu") -> torch.dtype:
    """The dtype of the weights that the config's `dtype` asks for. FP8 has bf16 weights: their
    products are FP8 (`training.model.fp8`)."""
    if name == "auto":
        return best_dtype(device)
    return torch.float32 if name == "fp32" else torch.bfloat16


def has_native_fp8(device: torch.device | str) -> bool:
    """Whether the device multiplies E4M3 numbers itself: Nvidia from compute capability 8.9 on."""
    device = torch.device(device)
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 9)
