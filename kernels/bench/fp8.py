"""Cases of FP8 training: quantisation, products, linear layers, experts.

Shapes: N rows, D columns; M x N x K of a product a [M, K] @ b [N, K]ᵀ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from kernels.bench.case import BF16, Case, Problem, Run, difference, random
from kernels.fp8_gemm import fp8_gemm, fp8_gemm_rows, fp8_grouped_gemm
from kernels.fp8_grouped_experts import fp8_grouped_experts, fp8_grouped_experts_ref
from kernels.fp8_linear import fp8_linear, fp8_linear_ref
from kernels.quantize import (
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_blocks,
    quantize_blocks_ref,
    quantize_columns,
    quantize_columns_ref,
    quantize_rows,
    quantize_rows_ref,
)
from kernels.rms_norm_quant import rms_norm_quant, rms_norm_quant_ref
from kernels.swiglu_quant import swiglu_quant, swiglu_quant_ref

PRODUCTS = ((4096, 2112, 7168), (4096, 24576, 1536), (4096, 7168, 16384), (4096, 4096, 7168),
            (64, 7168, 16384), (64, 4096, 7168))  # fmt: skip
"""M, N, K of DeepSeek-V3's layers, in training and in decoding."""


def cases(device: torch.device) -> Iterator[Case]:
    small = device.type != "cuda"
    for rows, columns in ((40, 200),) if small else ((8192, 7168), (16384, 2048)):
        yield quantize_case("quantize_rows", quantize_rows, quantize_rows_ref, rows, columns)
        yield quantize_case(
            "quantize_columns", quantize_columns, quantize_columns_ref, rows, columns
        )
        yield quantize_case("quantize_blocks", quantize_blocks, quantize_blocks_ref, rows, columns)
        yield norm_case(rows, columns)
        yield swiglu_case(rows, columns)
    for shape in ((24, 40, 200),) if small else PRODUCTS:
        yield gemm_case(*shape)
    for shape in ((24, 40, 200),) if small else ((7168, 4096, 4096), (2048, 7168, 4096)):
        yield gemm_rows_case(*shape)
    for shape in ((3, 8, 40, 200),) if small else ((4, 8192, 4096, 7168), (8, 4096, 7168, 2048)):
        yield grouped_gemm_case(*shape)
    for shape in ((24, 40, 200),) if small else PRODUCTS[:4]:
        yield linear_case(*shape)
    yield experts_case(*((16, 64, 32, 4, 2) if small else (16384, 2048, 1408, 64, 6)))


def quantize_case(
    op: str,
    run: Callable[[Tensor], Quantized],
    ref: Callable[[Tensor], Quantized],
    rows: int,
    columns: int,
) -> Case:
    dequantize = dequantize_blocks if op == "quantize_blocks" else dequantize_rows

    def make(device: torch.device) -> Problem:
        x = random(device, rows, columns)

        def error(value: Quantized) -> float:
            return difference(dequantize(value), dequantize(ref(x.double())))

        return Problem(lambda: run(x), error)

    scales = 4 / 128**2 if op == "quantize_blocks" else 4 / 128
    moved = rows * columns * (3 + scales)
    return Case(op, f"{rows} x {columns}", moved, 0, BF16, make, "≥ 90 % of copy")


def norm_case(rows: int, columns: int) -> Case:
    def make(device: torch.device) -> Problem:
        x, weight = random(device, rows, columns), random(device, columns, seed=1)

        def error(value: tuple[Tensor, Quantized]) -> float:
            exact, tiles = rms_norm_quant_ref(x.double(), weight.double(), 1e-6)
            apart = difference(dequantize_rows(value[1]), dequantize_rows(tiles))
            return max(difference(value[0], exact), apart)

        return Problem(torch.no_grad()(lambda: rms_norm_quant(x, weight, 1e-6)), error)

    moved = rows * columns * (5 + 4 / 128)
    target = "≥ 90 % of copy"
    return Case("rms_norm_quant", f"{rows} x {columns}, forward", moved, 0, BF16, make, target)


def swiglu_case(rows: int, width: int) -> Case:
    def make(device: torch.device) -> Problem:
        hidden = random(device, rows, 2 * width)

        def error(value: Quantized) -> float:
            exact = dequantize_rows(swiglu_quant_ref(hidden.double()))
            return difference(dequantize_rows(value), exact)

        return Problem(lambda: swiglu_quant(hidden), error)

    moved = rows * width * (5 + 4 / 128)
    return Case("swiglu_quant", f"{rows} x {width}", moved, 0, BF16, make, "≥ 90 % of copy")


def gemm_case(rows: int, columns: int, depth: int) -> Case:
    def make(device: torch.device) -> Problem:
        x, weight = random(device, rows, depth), random(device, columns, depth, seed=1)
        a, b = quantize_rows(x), quantize_blocks(weight)

        def error(value: Tensor) -> float:
            exact = dequantize_rows(a, torch.float64) @ dequantize_blocks(b, torch.float64).t()
            return difference(value, exact)

        def deep_gemm() -> Run:
            import deep_gemm  # noqa: PLC0415

            out = x.new_empty(rows, columns)
            return lambda: deep_gemm.fp8_gemm_nt(tuple(a), tuple(b), out)

        peers = {"torch bf16": lambda: lambda: x @ weight.t(), "deep_gemm": deep_gemm}
        return Problem(lambda: fp8_gemm(a, b, torch.bfloat16), error, peers)

    return _product("fp8_gemm", (rows, columns, depth), make)


def gemm_rows_case(rows: int, columns: int, depth: int) -> Case:
    def make(device: torch.device) -> Problem:
        x, y = random(device, rows, depth), random(device, columns, depth, seed=1)
        a, b = quantize_rows(x), quantize_rows(y)

        def error(value: Tensor) -> float:
            return difference(value, dequantize_rows(a).double() @ dequantize_rows(b).double().t())

        run = lambda: fp8_gemm_rows(a, b, torch.bfloat16)  # noqa: E731
        return Problem(run, error, {"torch bf16": lambda: lambda: x @ y.t()})

    return _product("fp8_gemm_rows", (rows, columns, depth), make)


def grouped_gemm_case(experts: int, rows: int, columns: int, depth: int) -> Case:
    """Equally many rows for each expert."""

    def make(device: torch.device) -> Problem:
        a = quantize_rows(random(device, experts * rows, depth))
        b = quantize_blocks(random(device, experts, columns, depth, seed=1))
        ends = torch.arange(1, experts + 1, device=device, dtype=torch.int32) * rows

        def error(value: Tensor) -> float:
            last = Quantized(b.values[-1], b.scales[-1])
            x = dequantize_rows(a, torch.float64)[-rows:]
            return difference(value[-rows:], x @ dequantize_blocks(last, torch.float64).t())

        def deep_gemm() -> Run:
            import deep_gemm  # noqa: PLC0415

            out = torch.empty(experts * rows, columns, device=device, dtype=torch.bfloat16)
            owners = torch.arange(experts, device=device, dtype=torch.int32).repeat_interleave(rows)
            return lambda: deep_gemm.m_grouped_fp8_gemm_nt_contiguous(
                tuple(a), tuple(b), out, owners
            )

        run = lambda: fp8_grouped_gemm(a, b, ends, torch.bfloat16)  # noqa: E731
        return Problem(run, error, {"deep_gemm": deep_gemm})

    moved = experts * (depth * (rows + columns) + 2.0 * rows * columns)
    flops = 2.0 * experts * rows * columns * depth
    shape = f"{experts} x {rows} x {columns} x {depth}"
    return Case("fp8_grouped_gemm", shape, moved, flops, BF16, make, "≥ 1000 TFLOP/s")


def linear_case(rows: int, columns: int, depth: int) -> Case:
    """With the quantisation of both operands."""

    def make(device: torch.device) -> Problem:
        x, weight = random(device, rows, depth), random(device, columns, depth, seed=1)
        run = torch.no_grad()(lambda: fp8_linear(x, weight))
        peers = {"torch bf16": lambda: lambda: x @ weight.t()}
        return Problem(run, lambda value: difference(value, fp8_linear_ref(x, weight)), peers)

    return _product("fp8_linear", (rows, columns, depth), make)


def _product(
    op: str, shape: tuple[int, int, int], make: Callable[[torch.device], Problem], itemsize: int = 1
) -> Case:
    rows, columns, depth = shape
    moved = itemsize * depth * (rows + columns) + 2.0 * rows * columns
    flops = 2.0 * rows * columns * depth
    return Case(op, " x ".join(map(str, shape)), moved, flops, BF16, make, "≥ 1000 TFLOP/s")


def experts_case(tokens: int, dim: int, width: int, experts: int, chosen: int) -> Case:
    def make(device: torch.device) -> Problem:
        x = random(device, tokens, dim)
        weights = (random(device, experts, dim, 2 * width, seed=2) / dim**0.5,
                   random(device, experts, width, dim, seed=1) / width**0.5)  # fmt: skip
        generator = torch.Generator(device).manual_seed(0)
        scores = torch.rand(tokens, experts, generator=generator, device=device)
        gates, choice = scores.topk(chosen, dim=1)

        def error(value: Tensor) -> float:
            few = 8
            exact = fp8_grouped_experts_ref(x[:few], *weights, choice[:few], gates[:few])
            return difference(value[:few], exact)

        run = torch.no_grad()(lambda: fp8_grouped_experts(x, *weights, choice, gates))
        return Problem(run, error)

    moved = experts * 6.0 * dim * width + 4.0 * tokens * dim
    flops = 6.0 * tokens * chosen * dim * width
    shape = f"{tokens} tokens, {experts} x {dim} x {width}, top {chosen}, forward"
    return Case("fp8_grouped_experts", shape, moved, flops, BF16, make)
