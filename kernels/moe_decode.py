"""Routed SwiGLU experts for the few tokens of a decoding step.

With few tokens for each expert, reading the weights is what takes time. Assignments of tokens to
experts are sorted on the device; then each program owns a stripe of one expert's columns and takes
that expert's tokens through it a tile at a time, so weights come from memory once and experts
without tokens cost an empty program. The grid depends on shapes alone and the host never waits, so
the whole can stand in a CUDA graph. Nothing is added up concurrently: results repeat bit for bit.

B tokens, D hidden size, E experts, K experts per token, A = B * K assignments, I expert width,
J = 2I; in kernels N is a tile of tokens, C a stripe of columns, Q = 128 steps of depth.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kernels.backend import INTERPRETED, jit, say_path, shared_memory, tl, triton, use_triton
from kernels.casts import operand, to_bf16, to_e4m3
from kernels.grouped_experts import grouped_experts
from kernels.quantize import (
    BLOCK,
    TINY,
    Quantized,
    dequantize_blocks,
    dequantize_rows,
    quantize_rows,
    quantize_rows_ref,
    tile_scale,
    use_fp8,
)
from kernels.swiglu import swiglu_ref


def moe_decode(
    x_BD: Tensor,
    gate_up_EDJ: Tensor | Quantized,
    down_EID: Tensor | Quantized,
    experts_BK: Tensor,
    gates_BK: Tensor,
) -> Tensor:
    """Sum over each token's K experts of gate * down(silu(x W_gate) * (x W_up)).

    The contract of `grouped_experts`, without gradients. Weights are both plain, in the dtype of
    `x_BD`, or both FP8, made by `quantize_blocks(weight.mT)`: [E, J, D] and [E, D, I] as in
    DeepSeek's checkpoints, since FP8 products want the depth to lie together; the inputs of both
    products are then quantised in 1x128 tiles (V3 report, section 3.3). Returns [B, D] in the dtype
    of `x_BD`. `experts_BK` are int64 indices below E; a GPU does not check them. ValueError when
    only one of the weights is FP8.
    """
    fp8 = isinstance(gate_up_EDJ, Quantized)
    if fp8 != isinstance(down_EID, Quantized):
        raise ValueError("gate_up and down are not both FP8: quantise both or none")
    known = use_fp8(x_BD) if fp8 else use_triton(x_BD)
    if known and x_BD.dtype == torch.bfloat16:
        say_path("moe_decode", f"Triton, {'FP8' if fp8 else 'bf16'} weights")
        out_BD = _launch(x_BD, gate_up_EDJ, down_EID, experts_BK, gates_BK)
    elif fp8:
        say_path("moe_decode", "reference, FP8 weights")
        out_BD = moe_decode_ref(x_BD, gate_up_EDJ, down_EID, experts_BK, gates_BK)
    else:
        say_path("moe_decode", f"grouped_experts, {x_BD.dtype} weights")
        with torch.no_grad():
            out_BD = grouped_experts(x_BD, gate_up_EDJ, down_EID, experts_BK, gates_BK)
    return out_BD


def moe_decode_ref(
    x_BD: Tensor,
    gate_up_EDJ: Tensor | Quantized,
    down_EID: Tensor | Quantized,
    experts_BK: Tensor,
    gates_BK: Tensor,
) -> Tensor:
    """`moe_decode` in plain torch, with a copy of its expert's weights for every assignment."""
    wide = torch.promote_types(x_BD.dtype, torch.float32)
    fp8 = isinstance(gate_up_EDJ, Quantized)
    x_BD, dtype = x_BD.to(wide), x_BD.dtype
    x_BD = _as_quantised(x_BD) if fp8 else x_BD
    hidden_BKJ = torch.einsum("bd,bkdj->bkj", x_BD, _plain(gate_up_EDJ, wide)[experts_BK])
    product_BKI = swiglu_ref(hidden_BKJ)
    product_BKI = _as_quantised(product_BKI) if fp8 else product_BKI
    y_BKD = torch.einsum("bki,bkid->bkd", product_BKI, _plain(down_EID, wide)[experts_BK])
    return torch.einsum("bkd,bk->bd", y_BKD, gates_BK.to(wide)).to(dtype)


def _as_quantised(x: Tensor) -> Tensor:
    """What x [..., D] becomes by quantisation in 1x128 tiles."""
    return dequantize_rows(quantize_rows_ref(x.flatten(0, -2)), x.dtype).view(x.shape)


def _plain(weight: Tensor | Quantized, dtype: torch.dtype) -> Tensor:
    """The weights as [E, in, out]."""
    if isinstance(weight, Quantized):
        return dequantize_blocks(weight, dtype).mT
    return weight.to(dtype)


def _launch(
    x_BD: Tensor,
    gate_up: Tensor | Quantized,
    down: Tensor | Quantized,
    experts_BK: Tensor,
    gates_BK: Tensor,
) -> Tensor:
    fp8 = isinstance(gate_up, Quantized)
    gate_up, gate_up_scales = gate_up if isinstance(gate_up, Quantized) else (gate_up, gate_up)
    down, down_scales = down if isinstance(down, Quantized) else (down, down)
    rows_BD, scales_BG = quantize_rows(x_BD) if fp8 else (x_BD.contiguous(), x_BD)
    scales_GB = scales_BG.t().contiguous() if fp8 else x_BD  # no copy: they come like this
    experts, (batch, dim) = len(down), x_BD.shape
    width = down.numel() // (experts * dim)
    assignments, chosen = experts_BK.numel(), experts_BK.shape[1]
    order_A = torch.empty(assignments, dtype=torch.int32, device=x_BD.device)
    spans_E2 = order_A.new_empty(experts, 2)
    _sort[(experts,)](
        experts_BK.contiguous(), order_A, spans_E2, assignments, CHUNK=1024, num_warps=4
    )
    tokens = _token_tile(assignments, experts)
    tile = {"D": dim, "WIDTH": width, "TOKENS": tokens, "STRIPE": BLOCK, "QUANTUM": BLOCK}
    options = {"num_warps": 4 if tokens < 64 else 8, "num_stages": _stages(tokens, rows_BD)}
    groups = triton.cdiv(width, BLOCK)
    hidden_AI = rows_BD.new_empty(assignments, width)
    hidden_scales_GA = x_BD.new_empty(groups, assignments if fp8 else 0, dtype=torch.float32)
    _gate_and_up[(groups, experts)](
        rows_BD, scales_GB, gate_up.contiguous(), gate_up_scales, order_A, spans_E2, hidden_AI,
        hidden_scales_GA, batch, assignments, CHOSEN=chosen, FLOOR=TINY, FP8=fp8, SNAP=INTERPRETED,
        **tile, **options,
    )  # fmt: skip
    y_AD = x_BD.new_empty(assignments, dim, dtype=torch.float32)
    _down[(triton.cdiv(dim, BLOCK), experts)](
        hidden_AI, hidden_scales_GA, down.contiguous(), down_scales, order_A, spans_E2, y_AD,
        assignments, FP8=fp8, SNAP=INTERPRETED, **tile, **options,
    )  # fmt: skip
    out_BD = torch.empty_like(x_BD, memory_format=torch.contiguous_format)
    _combine[(batch, triton.cdiv(dim, 1024))](
        y_AD, gates_BK.contiguous(), out_BD, CHOSEN=chosen, D=dim, TILE=1024, SNAP=INTERPRETED,
        num_warps=4,
    )  # fmt: skip
    return out_BD


def _token_tile(assignments: int, experts: int) -> int:
    """Tokens of one tile: the mean of an expert rounded up, so that most need no second one."""
    return min(64, max(16, int(triton.next_power_of_2(triton.cdiv(assignments, experts)))))


def _stages(tokens: int, rows_BD: Tensor) -> int:
    """Steps of depth in hand at once: enough bytes under way, if the shared memory holds them."""
    step = (tokens + BLOCK) * BLOCK * rows_BD.itemsize
    return max(1, min(5 if rows_BD.itemsize == 1 else 3, shared_memory(rows_BD.device) // step))


@jit
def _sort(experts_ptr, order_ptr, spans_ptr, assignments, CHUNK: tl.constexpr):
    """One expert a program: where its assignments begin and end, and which ones they are."""
    expert = tl.program_id(0)
    i = tl.arange(0, CHUNK)
    place = 0
    for start in range(0, assignments, CHUNK):
        chosen = tl.load(experts_ptr + start + i, mask=start + i < assignments, other=1 << 30)
        place += tl.sum((chosen < expert).to(tl.int32), 0)
    tl.store(spans_ptr + expert * 2, place)
    for start in range(0, assignments, CHUNK):
        chosen = tl.load(experts_ptr + start + i, mask=start + i < assignments, other=1 << 30)
        mine = (chosen == expert).to(tl.int32)
        tl.store(order_ptr + place + tl.cumsum(mine, 0) - 1, start + i, mask=mine == 1)
        place += tl.sum(mine, 0)
    tl.store(spans_ptr + expert * 2 + 1, place)


@jit
def _product(
    rows_ptr, row_scales_ptr, rows, row_N, inside_N, weight_ptr, weight_scales_ptr, column_C,
    kept_C, DEPTH: tl.constexpr, COLUMNS: tl.constexpr, TOKENS: tl.constexpr, STRIPE: tl.constexpr,
    QUANTUM: tl.constexpr, FP8: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """weight[:, column_C]ᵀ @ rows[row_N]ᵀ, fp32 [STRIPE, TOKENS].

    Columns stand along the 64 rows that a tensor core product wants, tokens along its columns, of
    which 16 are enough. bf16 weights lie as [DEPTH, COLUMNS], FP8 ones as [COLUMNS, DEPTH]; their
    sums of 128 are promoted to fp32 with their scales.
    """
    GROUPS: tl.constexpr = (DEPTH + QUANTUM - 1) // QUANTUM
    out_CN = tl.zeros((STRIPE, TOKENS), tl.float32)
    for group in range(GROUPS):
        depth_Q = group * QUANTUM + tl.arange(0, QUANTUM)
        rows_NQ = tl.load(
            rows_ptr + row_N[:, None] * DEPTH + depth_Q[None, :],
            mask=inside_N[:, None] & (depth_Q < DEPTH)[None, :],
            other=0.0,
        )
        if FP8:
            weight_CQ = tl.load(
                weight_ptr + column_C[:, None] * DEPTH + depth_Q[None, :],
                mask=kept_C[:, None] & (depth_Q < DEPTH)[None, :],
                other=0.0,
                eviction_policy="evict_first",
            )
            block_C = column_C // QUANTUM * GROUPS + group
            scale_C = tl.load(weight_scales_ptr + block_C, mask=kept_C, other=0.0)
            scale_N = tl.load(row_scales_ptr + group * rows + row_N, mask=inside_N, other=0.0)
            part_CN = tl.dot(weight_CQ, tl.trans(rows_NQ))
            out_CN += part_CN * (scale_C[:, None] * scale_N[None, :])
        else:
            weight_QC = tl.load(
                weight_ptr + depth_Q[:, None] * COLUMNS + column_C[None, :],
                mask=(depth_Q < DEPTH)[:, None] & kept_C[None, :],
                other=0.0,
                eviction_policy="evict_first",
            )
            weight_CQ, rows_QN = tl.trans(weight_QC), tl.trans(rows_NQ)
            out_CN = tl.dot(operand(weight_CQ, SNAP), operand(rows_QN, SNAP), out_CN)
    return out_CN


@jit
def _gate_and_up(
    x_ptr, x_scales_ptr, weight_ptr, weight_scales_ptr, order_ptr, spans_ptr, hidden_ptr,
    hidden_scales_ptr, tokens, assignments,
    CHOSEN: tl.constexpr, D: tl.constexpr, WIDTH: tl.constexpr, TOKENS: tl.constexpr,
    STRIPE: tl.constexpr, QUANTUM: tl.constexpr, FLOOR: tl.constexpr, FP8: tl.constexpr,
    SNAP: tl.constexpr,
):  # fmt: skip
    """silu(x W_gate) * (x W_up) of one expert's tokens and one stripe of columns, in sorted order.

    A stripe is one tile of quantisation, so that FP8 comes out of the same pass.
    """
    stripe, expert = tl.program_id(0), tl.program_id(1).to(tl.int64)
    DEPTH_GROUPS: tl.constexpr = (D + QUANTUM - 1) // QUANTUM
    COLUMN_GROUPS: tl.constexpr = (2 * WIDTH + QUANTUM - 1) // QUANTUM
    weight_ptr += expert * D * 2 * WIDTH
    weight_scales_ptr += expert * DEPTH_GROUPS * COLUMN_GROUPS
    column_C = stripe * STRIPE + tl.arange(0, STRIPE)
    kept_C = column_C < WIDTH
    first, last = tl.load(spans_ptr + expert * 2), tl.load(spans_ptr + expert * 2 + 1)
    for start in range(first, last, TOKENS):
        place_N = (start + tl.arange(0, TOKENS)).to(tl.int64)
        inside_N = place_N < last
        token_N = tl.load(order_ptr + place_N, mask=inside_N, other=0).to(tl.int64) // CHOSEN
        gate_CN = _product(
            x_ptr, x_scales_ptr, tokens, token_N, inside_N, weight_ptr, weight_scales_ptr, column_C,
            kept_C, D, 2 * WIDTH, TOKENS, STRIPE, QUANTUM, FP8, SNAP,
        )  # fmt: skip
        up_CN = _product(
            x_ptr, x_scales_ptr, tokens, token_N, inside_N, weight_ptr, weight_scales_ptr,
            column_C + WIDTH, kept_C, D, 2 * WIDTH, TOKENS, STRIPE, QUANTUM, FP8, SNAP,
        )  # fmt: skip
        hidden_NC = tl.trans(gate_CN * tl.sigmoid(gate_CN) * up_CN)
        hidden = hidden_ptr + place_N[:, None] * WIDTH + column_C[None, :]
        stored = inside_N[:, None] & kept_C[None, :]
        if FP8:
            scale_N1, inverse_N1 = tile_scale(hidden_NC, 1, False, FLOOR)
            scales_N1 = (hidden_scales_ptr + stripe * assignments + place_N)[:, None]
            tl.store(scales_N1, scale_N1, mask=inside_N[:, None])
            tl.store(hidden, to_e4m3(hidden_NC * inverse_N1, SNAP), mask=stored)
        else:
            tl.store(hidden, to_bf16(hidden_NC, SNAP), mask=stored)


@jit
def _down(
    hidden_ptr, hidden_scales_ptr, weight_ptr, weight_scales_ptr, order_ptr, spans_ptr, y_ptr,
    assignments,
    D: tl.constexpr, WIDTH: tl.constexpr, TOKENS: tl.constexpr, STRIPE: tl.constexpr,
    QUANTUM: tl.constexpr, FP8: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """The second product of one expert's tokens and one stripe, each back at its assignment."""
    stripe, expert = tl.program_id(0), tl.program_id(1).to(tl.int64)
    DEPTH_GROUPS: tl.constexpr = (WIDTH + QUANTUM - 1) // QUANTUM
    COLUMN_GROUPS: tl.constexpr = (D + QUANTUM - 1) // QUANTUM
    weight_ptr += expert * WIDTH * D
    weight_scales_ptr += expert * DEPTH_GROUPS * COLUMN_GROUPS
    column_C = stripe * STRIPE + tl.arange(0, STRIPE)
    kept_C = column_C < D
    first, last = tl.load(spans_ptr + expert * 2), tl.load(spans_ptr + expert * 2 + 1)
    for start in range(first, last, TOKENS):
        place_N = (start + tl.arange(0, TOKENS)).to(tl.int64)
        inside_N = place_N < last
        y_CN = _product(
            hidden_ptr, hidden_scales_ptr, assignments, place_N, inside_N, weight_ptr,
            weight_scales_ptr, column_C, kept_C, WIDTH, D, TOKENS, STRIPE, QUANTUM, FP8, SNAP,
        )  # fmt: skip
        assignment_N = tl.load(order_ptr + place_N, mask=inside_N, other=0).to(tl.int64)
        y = y_ptr + assignment_N[:, None] * D + column_C[None, :]
        tl.store(y, tl.trans(y_CN), mask=inside_N[:, None] & kept_C[None, :])


@jit
def _combine(
    y_ptr, gates_ptr, out_ptr,
    CHOSEN: tl.constexpr, D: tl.constexpr, TILE: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """Each token's K results, weighted."""
    token = tl.program_id(0).to(tl.int64)
    d = tl.program_id(1) * TILE + tl.arange(0, TILE)
    out_D = tl.zeros((TILE,), tl.float32)
    for k in range(CHOSEN):
        gate = tl.load(gates_ptr + token * CHOSEN + k).to(tl.float32)
        out_D += gate * tl.load(y_ptr + (token * CHOSEN + k) * D + d, mask=d < D, other=0.0)
    tl.store(out_ptr + token * D + d, to_bf16(out_D, SNAP), mask=d < D)
