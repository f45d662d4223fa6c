"""Compiles the Triton kernels of every operation for a Hopper GPU, on a machine without one.

Triton brings its compiler and the assembler with it, and neither asks for a device. Operations are
called as on a GPU, with small batches and the widths of DeepSeek-V3; in place of each launch the
kernel is compiled. Prints what came out of it as JSON.

    python -m tests.kernels.hopper
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

FP8 = torch.float8_e4m3fn
_compile = JITFunction.run
_kernels: list[dict[str, Any]] = []


class _Hopper:
    """A driver that knows what it would compile for, and nothing else."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int = 0) -> int:
        return device


def pretend() -> None:
    """Has to come before kernels are imported."""
    driver.set_active(_Hopper())
    JITFunction.run = _note
    torch.cuda.is_available = lambda: True
    gpu = SimpleNamespace(multi_processor_count=132, shared_memory_per_block_optin=227 << 10)
    torch.cuda.get_device_properties = lambda *_: gpu
    torch.cuda.get_device_capability = lambda *_: (9, 0)
    from kernels import backend  # noqa: PLC0415

    backend.use_triton = lambda _: True


def _note(kernel: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
    compiled = _compile(kernel, *args, grid=grid, warmup=True, **kwargs)
    ptx = compiled.asm["ptx"]
    _kernels.append({
        "kernel": kernel.__name__,
        "products": sorted(set(re.findall(r"wgmma\.mma_async\.\S+\.f32\.(\w+)", ptx))),
        "wgmma": ptx.count("wgmma.mma_async"),
        "mma": ptx.count("mma.sync"),
        "shared": compiled.metadata.shared,
        **_assembled(ptx),
    })  # fmt: skip
    return compiled


def _assembled(ptx: str) -> dict[str, int]:
    """Registers of a thread, and bytes of them that had to go to memory."""
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        ptxas = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
        told = subprocess.run(
            [ptxas, "-v", "--gpu-name", "sm_90a", file.name, "-o", "/dev/null"],
            capture_output=True, text=True, check=True,
        ).stderr  # fmt: skip
    return {
        "registers": max(map(int, re.findall(r"Used (\d+) registers", told))),
        "spilled": sum(map(int, re.findall(r"(\d+) bytes spill stores", told))),
    }


def operations() -> dict[str, Callable[[], Any]]:
    """Calls by what they compile; the first word is the operation."""
    from kernels.adamw import adamw_step  # noqa: PLC0415
    from kernels.fp8_gemm import fp8_gemm, fp8_gemm_rows  # noqa: PLC0415
    from kernels.fp8_grouped_experts import fp8_grouped_experts  # noqa: PLC0415
    from kernels.latent_cache import new_cache, write_latent  # noqa: PLC0415
    from kernels.linear_logprob import linear_logprob  # noqa: PLC0415
    from kernels.mla_decode import mla_decode  # noqa: PLC0415
    from kernels.moe_decode import moe_decode  # noqa: PLC0415
    from kernels.quantize import (  # noqa: PLC0415
        Quantized,
        quantize_blocks,
        quantize_columns,
        quantize_rows,
    )
    from kernels.rms_norm_quant import rms_norm_quant  # noqa: PLC0415
    from kernels.swiglu_quant import swiglu_quant  # noqa: PLC0415

    def write(dtype: torch.dtype) -> None:
        inputs = _zeros(2, 512), _zeros(2, 64), _zeros(2, 64), _zeros(2, 64), _zeros(512)
        table = _zeros(2, 4, dtype=torch.int32)
        cache = new_cache(4, 512, 64, dtype, "cpu")
        write_latent(*inputs, 1e-6, cache, table, torch.zeros(2, dtype=torch.long))

    def attend(dtype: torch.dtype, heads: int, pages: int) -> None:
        cache = new_cache(4, 512, 64, dtype, "cpu")
        table, lengths = _zeros(2, pages, dtype=torch.int32), _zeros(2, dtype=torch.int32)
        mla_decode(_zeros(2, heads, 576), cache, table, lengths, 512, 0.1)

    def experts(dtype: torch.dtype, tokens: int) -> None:
        weights: list[Any] = [_zeros(2, 2048, 2816), _zeros(2, 1408, 2048)]
        if dtype == FP8:
            weights = [
                Quantized(weight.mT.contiguous().to(FP8), torch.zeros(2, 22, 16))
                for weight in weights
            ]
        routing = _zeros(tokens, 1, dtype=torch.long), torch.zeros(tokens, 1)
        moe_decode(_zeros(tokens, 2048), *weights, *routing)

    def fp8_experts() -> None:
        weights = _zeros(4, 512, 256), _zeros(4, 128, 512)
        routing = _zeros(256, 2, dtype=torch.long), torch.zeros(256, 2)
        fp8_grouped_experts(_zeros(256, 512), *weights, *routing)

    def head() -> None:
        hidden, weight = (_zeros(256, 2048).requires_grad_() for _ in range(2))
        linear_logprob(hidden, weight, torch.zeros(256, dtype=torch.long))[0].sum().backward()

    def optimiser() -> None:
        state = [torch.zeros(4096), torch.zeros(4096), _zeros(4096), _zeros(4096)]
        factors = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1}
        adamw_step(*state, **factors, step=1)

    def tiles() -> tuple[Quantized, Quantized]:
        return Quantized(_zeros(256, 7168, dtype=FP8), torch.zeros(256, 56)), Quantized(
            _zeros(256, 7168, dtype=FP8), torch.zeros(2, 56)
        )

    return {
        "write_latent FP8": lambda: write(FP8),
        "mla_decode bf16, 16 heads": lambda: attend(torch.bfloat16, 16, 4),
        "mla_decode bf16, 128 heads": lambda: attend(torch.bfloat16, 128, 1),
        "mla_decode FP8, 16 heads": lambda: attend(FP8, 16, 4),
        "moe_decode bf16, few tokens": lambda: experts(torch.bfloat16, 8),
        "moe_decode FP8, many tokens": lambda: experts(FP8, 128),
        "linear_logprob forward and backward": head,
        "fp8_grouped_experts": fp8_experts,
        "fp8_gemm": lambda: fp8_gemm(*tiles(), torch.bfloat16),
        "fp8_gemm_rows": lambda: fp8_gemm_rows(tiles()[0], tiles()[0], torch.bfloat16),
        "quantize_rows": lambda: quantize_rows(_zeros(64, 7168)),
        "quantize_columns": lambda: quantize_columns(_zeros(64, 7168)),
        "quantize_blocks": lambda: quantize_blocks(_zeros(256, 7168)),
        "rms_norm_quant": lambda: rms_norm_quant(_zeros(64, 7168), _zeros(7168), 1e-6),
        "swiglu_quant": lambda: swiglu_quant(_zeros(64, 4096)),
        "adamw_step bf16 moments": optimiser,
    }


def _zeros(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    return torch.zeros(shape).to(dtype)


def main() -> None:
    pretend()
    report = {}
    for name, run in operations().items():
        _kernels.clear()
        run()
        report[name] = list(_kernels)
    json.dump(report, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
