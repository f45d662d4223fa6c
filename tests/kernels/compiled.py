"""Compiles Triton kernels for a Hopper GPU on a machine that has none.

A program of its own, for it bends what the kernels see: CPU tensors count as a GPU's, and a launch
compiles, with the options and the specialisations of its arguments, and computes nothing. Takes
the name of a group of kernels and prints one JSON line for each launch: the kernel's name, its
shared memory in bytes, and the types its matrix instructions multiply.
"""

from __future__ import annotations

import json
import re
import sys
from types import SimpleNamespace
from typing import Any

import torch

torch.cuda.is_available = lambda: True
torch.cuda.get_device_capability = lambda *_: (9, 0)
torch.cuda.get_device_properties = lambda *_: SimpleNamespace(multi_processor_count=132)

from kernels import backend  # noqa: E402 - what it finds has to be settled first

backend.use_triton = lambda _: True

import triton  # noqa: E402
from triton._C.libtriton import native_specialize_impl  # noqa: E402
from triton.backends.compiler import BaseBackend, GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from kernels.adamw import adamw_step  # noqa: E402
from kernels.fp8_grouped_experts import fp8_grouped_experts  # noqa: E402
from kernels.fp8_linear import fp8_linear_quantized  # noqa: E402
from kernels.latent_cache import new_cache, write_latent  # noqa: E402
from kernels.linear_logprob import linear_logprob  # noqa: E402
from kernels.mla_decode import mla_decode  # noqa: E402
from kernels.moe_decode import moe_decode  # noqa: E402
from kernels.quantize import quantize_blocks  # noqa: E402
from kernels.rms_norm_quant import rms_norm_quant  # noqa: E402

HOPPER = GPUTarget("cuda", 90, 32)


def compile_instead(kernel: Any, _grid: Any) -> Any:
    """What `kernel[grid]` gives: a function that takes the launch's arguments."""

    def launch(*args: Any, num_warps: int = 4, num_stages: int = 3, **named: Any) -> None:
        values = dict(zip(kernel.arg_names, args, strict=False)) | named
        signature, constants, hints = {}, {}, {}
        for index, parameter in enumerate(kernel.params):
            value = values[parameter.name]
            kind, fact = native_specialize_impl(BaseBackend, value, False, True, True)
            if parameter.is_constexpr or kind == "constexpr":
                kind, constants[parameter.name] = "constexpr", value
            elif fact == "D":
                hints[index,] = [["tt.divisibility", 16]]
            signature[parameter.name] = kind
        source = ASTSource(kernel, signature, constants, hints)
        options = {"num_warps": num_warps, "num_stages": num_stages}
        compiled = triton.compile(source, target=HOPPER, options=options)
        products = set(re.findall(r"wgmma\.mma_async\.\S+\.f32\.(\w+)", compiled.asm["ptx"]))
        facts = {"kernel": kernel.__name__, "shared": compiled.metadata.shared}
        print(json.dumps(facts | {"products": sorted(products)}), flush=True)  # noqa: T201

    return launch


triton.runtime.JITFunction.__getitem__ = compile_instead


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.bfloat16)


def fp8() -> None:
    """Quantisation, norm and SwiGLU with it, and the products of FP8 layers."""
    y, rows = rms_norm_quant(ones(256, 512), ones(512), 1e-6)
    out = fp8_linear_quantized(rows, y, ones(256, 512).requires_grad_())
    out.backward(out)
    experts, gates = torch.zeros(256, 2).long(), torch.ones(256, 2)
    fp8_grouped_experts(ones(256, 512), ones(4, 512, 256), ones(4, 128, 512), experts, gates)


def decode() -> None:
    """Writing to the latent cache, attention over it, and the experts of a decoding step."""
    table, places = torch.zeros(4, 32).int(), torch.ones(4).int()
    for dtype, heads in ((torch.bfloat16, 128), (torch.float8_e4m3fn, 16)):
        cache, rotation = new_cache(32, 512, 64, dtype, "cpu"), torch.ones(4, 64)
        write_latent(
            ones(4, 512), ones(4, 64), rotation, rotation, ones(512), 1e-6, cache, table, places
        )
        mla_decode(ones(4, heads, 576), cache, table, places, 512, 0.1)
    experts, gates = torch.zeros(128, 2).long(), torch.ones(128, 2)
    weights = ones(4, 512, 256), ones(4, 128, 512)
    moe_decode(ones(128, 512), *weights, experts, gates)
    moe_decode(ones(128, 512), *(quantize_blocks(weight.mT) for weight in weights), experts, gates)


def training() -> None:
    """The optimiser's step, and log-probabilities with their gradients."""
    param, moment = torch.ones(4096), ones(4096)
    adamw_step(
        param, param, moment, moment,
        lr=0.1, beta1=0.9, beta2=0.9, eps=1e-8, weight_decay=0.1, step=1,
    )  # fmt: skip
    hidden, weight = ones(256, 512).requires_grad_(), ones(8192, 512).requires_grad_()
    linear_logprob(hidden, weight, torch.zeros(256).long())[0].sum().backward()


if __name__ == "__main__":
    {"fp8": fp8, "decode": decode, "training": training}[sys.argv[1]]()
