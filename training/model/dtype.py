"""The fastest dtype that a device computes well in."""

from __future__ import annotations

import torch


def best_dtype(device: torch.device | str = "cpu") -> torch.dtype:
    """bf16 on GPUs that have it and on CPUs with AMX or AVX512-BF16; fp32 elsewhere."""
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    cpu = torch.cpu.get_capabilities()
    fast = cpu.get("amx_bf16", False) or cpu.get("avx512_bf16", False)
    return torch.bfloat16 if fast else torch.float32
