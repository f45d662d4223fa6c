"""Log-probability of given tokens straight from hidden states: linear layer and log-softmax fused.

The [tokens, vocab] matrix exists only a chunk at a time, forward and backward, so memory does not
grow with vocabulary times tokens.

On a GPU a Triton kernel keeps only tiles of it, in registers: forward each program goes over a
share of the vocabulary with a running softmax (arXiv 1805.02867), and the shares are joined by
their log-sum-exp. Backward a second kernel computes the tiles again and writes the gradient of the
logits in bf16, some columns at a time, for torch's matrix products to take on: a tile's own
products with the weight and the states are as wide as the hidden size, more than registers hold.

M positions, R of a chunk, P of a block of chunks, D hidden size, V vocabulary, S shares of the
vocabulary, C columns of a chunk.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from kernels.backend import INTERPRETED, jit, processors, say_path, tl, triton, use_triton
from kernels.casts import operand, to_bf16

CHUNK_ELEMENTS = 1 << 21
"""Logits held at once by the plain path (8 MiB in fp32): large enough to keep the matrix products
efficient."""
CHUNK_ROWS = 128
"""Fewest positions in a chunk: fewer read the whole weight for too little. For the largest
vocabularies that is more than CHUNK_ELEMENTS, but less than the weight's own fp32 gradient."""
GRADIENT_ELEMENTS = 1 << 27
"""Logits' gradients held at once beside the Triton kernels (256 MiB in bf16)."""

TILE_M, TILE_V, TILE_D = (128, 128, 64) if not INTERPRETED else (16, 32, 16)
"""Not tuned at run time: other tiles add up in another order, and runs are to repeat exactly."""
LAUNCH = {"num_warps": 8, "num_stages": 3, "maxnreg": 128}
"""Registers and shared memory for two programs on a multiprocessor of sm_90: one computes
exponentials while the other multiplies."""
GROUP = 16
"""Tiles of positions that run together over the same shares, so that both stay in the L2 cache."""
LOG2E = 1.4426950408889634


def linear_logprob(
    hidden_MD: Tensor, weight_VD: Tensor, targets_M: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """log softmax(hidden @ weightᵀ / temperature) at `targets_M`, and the entropy in nats.

    Both are fp32 [M]. Differentiable in `hidden_MD` and `weight_VD`, which share a dtype, through
    the log-probability; the entropy carries no gradient. `temperature` must be positive.
    """
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}: it must be positive")
    if use_triton(hidden_MD) and _fits_kernel(hidden_MD, weight_VD):
        say_path("linear_logprob", "Triton, bf16")
        logprobs_M, entropy_M = _Fused.apply(hidden_MD, weight_VD, targets_M, temperature)
    else:
        say_path("linear_logprob", f"torch in chunks, {hidden_MD.dtype}")
        logprobs_M, entropy_M = _Chunked.apply(hidden_MD, weight_VD, targets_M, temperature)
    return logprobs_M, entropy_M


def linear_logprob_ref(
    hidden_MD: Tensor, weight_VD: Tensor, targets_M: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """`linear_logprob` with the whole [M, V] matrix, in plain torch, in fp32 or better."""
    logits_MV = hidden_MD @ weight_VD.T
    wide = torch.promote_types(logits_MV.dtype, torch.float32)
    logp_MV = (logits_MV.to(wide) / temperature).log_softmax(-1)
    entropy_M = -(logp_MV.exp() * logp_MV).sum(-1)
    return logp_MV.gather(1, targets_M[:, None]).squeeze(1), entropy_M.detach()


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_MD: Tensor, weight_VD: Tensor, targets_M: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        logprobs, entropies = [], []
        rows = _rows(weight_VD)
        for hidden_RD, targets_R in zip(hidden_MD.split(rows), targets_M.split(rows), strict=True):
            logp_RV = _scaled_logits(hidden_RD, weight_VD, temperature).log_softmax(-1)
            logprobs.append(logp_RV.gather(1, targets_R[:, None]).squeeze(1))
            entropies.append(logp_RV.exp().mul_(logp_RV).sum(-1).neg_())
        entropies_M = torch.cat(entropies)
        ctx.save_for_backward(hidden_MD, weight_VD, targets_M)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(entropies_M)
        return torch.cat(logprobs), entropies_M

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        hidden_MD, weight_VD, targets_M = ctx.saved_tensors
        d_hidden_MD, d_weight_VD = torch.empty_like(hidden_MD), None
        grad_M1 = (grads[0] / ctx.temperature)[:, None]
        block = _block(weight_VD)
        for start in range(0, max(1, len(hidden_MD)), block):  # with none, gradients are zero
            piece = slice(start, start + block)
            hidden_PD = hidden_MD[piece]
            d_logits_PV = _logits_gradient(
                hidden_PD, weight_VD, targets_M[piece, None], grad_M1[piece], ctx.temperature
            )
            torch.mm(d_logits_PV, weight_VD, out=d_hidden_MD[piece])
            if ctx.needs_input_grad[1]:
                part_VD = d_logits_PV.T @ hidden_PD
                d_weight_VD = part_VD.float() if d_weight_VD is None else d_weight_VD.add_(part_VD)
        if d_weight_VD is not None:
            d_weight_VD = d_weight_VD.to(weight_VD.dtype)
        return d_hidden_MD, d_weight_VD, None, None


def _logits_gradient(
    hidden_PD: Tensor, weight_VD: Tensor, targets_P1: Tensor, grad_P1: Tensor, temperature: float
) -> Tensor:
    """grad * (1 at the target - softmax) in the dtype of the states, [P, V]."""
    d_logits_PV = hidden_PD.new_empty(len(hidden_PD), len(weight_VD))
    rows = _rows(weight_VD)
    parts = (x.split(rows) for x in (hidden_PD, targets_P1, grad_P1, d_logits_PV))
    for hidden_RD, targets_R1, grad_R1, out_RV in zip(*parts, strict=True):
        d_logits_RV = _scaled_logits(hidden_RD, weight_VD, temperature).softmax(-1).mul_(-grad_R1)
        out_RV.copy_(d_logits_RV.scatter_add_(1, targets_R1, grad_R1))
    return d_logits_PV


def _scaled_logits(hidden_RD: Tensor, weight_VD: Tensor, temperature: float) -> Tensor:
    logits_RV = (hidden_RD @ weight_VD.T).float()
    return logits_RV if temperature == 1 else logits_RV.div_(temperature)


def _rows(weight_VD: Tensor) -> int:
    return max(CHUNK_ROWS, CHUNK_ELEMENTS // len(weight_VD))


def _block(weight_VD: Tensor) -> int:
    """Positions whose logits' gradients are held for one product, whole chunks: about as many as
    the states are wide. They take half of what the weight's fp32 gradient takes, and adding to
    that, once for each block, takes longer than the product of one small chunk."""
    rows = _rows(weight_VD)
    return max(1, weight_VD.shape[1] // rows) * rows


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_MD: Tensor, weight_VD: Tensor, targets_M: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        hidden_MD, targets_M = hidden_MD.contiguous(), targets_M.contiguous()
        positions, vocabulary = len(hidden_MD), len(weight_VD)
        tiles_m, tiles_v = triton.cdiv(positions, TILE_M), triton.cdiv(vocabulary, TILE_V)
        shares = _shares(tiles_m, tiles_v, hidden_MD.device)
        parts_4SM = hidden_MD.new_empty(4, shares, positions, dtype=torch.float32)
        _softmax_parts[(triton.cdiv(tiles_m, GROUP) * GROUP * shares,)](
            _tiles(hidden_MD, TILE_M), _tiles(weight_VD, TILE_V), targets_M, *parts_4SM,
            positions, vocabulary, LOG2E / temperature, triton.cdiv(tiles_v, shares), shares,
            D=hidden_MD.shape[1], TILE_M=TILE_M, TILE_V=TILE_V, TILE_D=TILE_D, GROUP=GROUP,
            SNAP=INTERPRETED, **LAUNCH,
        )  # fmt: skip
        top_SM, sum_SM, weighted_SM, chosen_SM = parts_4SM
        fade_SM = (top_SM - top_SM.amax(0)).exp2_()
        total_M = (sum_SM * fade_SM).sum(0)
        lse_M = top_SM.amax(0) + total_M.log2()  # in powers of two, as all the logits here
        logprobs_M = (chosen_SM.sum(0) - lse_M) / LOG2E
        entropy_M = (lse_M - (weighted_SM * fade_SM).sum(0) / total_M) / LOG2E
        ctx.save_for_backward(hidden_MD, weight_VD, targets_M, lse_M)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(entropy_M)
        return logprobs_M, entropy_M

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        hidden_MD, weight_VD, targets_M, lse_M = ctx.saved_tensors
        positions, vocabulary = len(hidden_MD), len(weight_VD)
        columns = _columns(positions, vocabulary)
        d_logits_MC = hidden_MD.new_empty(positions, columns)
        d_hidden_MD = torch.zeros_like(hidden_MD, dtype=torch.float32)
        d_weight_VD = torch.empty_like(weight_VD) if ctx.needs_input_grad[1] else None
        tiles = triton.cdiv(positions, TILE_M), triton.cdiv(columns, TILE_V)
        for start in range(0, vocabulary, columns):
            _logit_gradients[(triton.cdiv(tiles[0], GROUP) * GROUP * tiles[1],)](
                _tiles(hidden_MD, TILE_M), _tiles(weight_VD, TILE_V),
                _tiles(d_logits_MC, TILE_M, TILE_V), targets_M, lse_M,
                (grads[0] / ctx.temperature).contiguous(), positions, start,
                LOG2E / ctx.temperature, tiles[1], D=hidden_MD.shape[1],
                TILE_M=TILE_M, TILE_V=TILE_V, TILE_D=TILE_D, GROUP=GROUP, SNAP=INTERPRETED,
                **LAUNCH,
            )  # fmt: skip
            weight_CD = weight_VD[start : start + columns]
            part_MC = d_logits_MC[:, : len(weight_CD)]
            d_hidden_MD += _product(part_MC, weight_CD)
            if d_weight_VD is not None:
                torch.mm(part_MC.T, hidden_MD, out=d_weight_VD[start : start + columns])
        return d_hidden_MD.to(hidden_MD.dtype), d_weight_VD, None, None


@jit
def _softmax_parts(
    hidden, weight, targets_ptr, top_ptr, sum_ptr, weighted_ptr, chosen_ptr,
    positions, vocabulary, scale_log2, tiles_of_share, shares,
    D: tl.constexpr, TILE_M: tl.constexpr, TILE_V: tl.constexpr, TILE_D: tl.constexpr,
    GROUP: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """A tile of positions over one share of the vocabulary.

    Leaves for each position, of z = logit * log2(e) / temperature: the highest z, Σ 2^(z - top),
    Σ z 2^(z - top), and the target's z where it lies in the share, else 0.
    """
    program = tl.program_id(0)
    group, place = program // (GROUP * shares), program % (GROUP * shares)
    first_m = (group * GROUP + place % GROUP) * TILE_M
    share = place // GROUP
    if first_m >= positions:
        return
    m = first_m + tl.arange(0, TILE_M)
    target_M = tl.load(targets_ptr + m, m < positions, 0).to(tl.int32)
    v_1V = tl.arange(0, TILE_V)[None, :]
    top_M = tl.full((TILE_M,), float("-inf"), tl.float32)
    sum_M = tl.zeros((TILE_M,), tl.float32)
    weighted_M = tl.zeros((TILE_M,), tl.float32)
    chosen_M = tl.zeros((TILE_M,), tl.float32)
    first_v = share * tiles_of_share * TILE_V
    last_v = tl.minimum(first_v + tiles_of_share * TILE_V, vocabulary)
    for start in range(first_v, last_v, TILE_V):
        logits = tl.zeros((TILE_M, TILE_V), tl.float32)
        for d in range(0, D, TILE_D):
            hidden_MD = operand(hidden.load([first_m, d]), SNAP)
            weight_VD = operand(weight.load([start, d]), SNAP)
            logits = tl.dot(hidden_MD, weight_VD.T, logits)
        z = tl.where(v_1V < vocabulary - start, logits * scale_log2, -1e30)
        chosen_M += tl.sum(tl.where(v_1V == (target_M - start)[:, None], z, 0.0), 1)
        higher_M = tl.maximum(top_M, tl.max(z, 1))
        fade_M = tl.exp2(top_M - higher_M)
        top_M = higher_M
        power = tl.exp2(z - top_M[:, None])
        sum_M = sum_M * fade_M + tl.sum(power, 1)
        weighted_M = weighted_M * fade_M + tl.sum(power * z, 1)
    place_M = share.to(tl.int64) * positions + m
    tl.store(top_ptr + place_M, top_M, m < positions)
    tl.store(sum_ptr + place_M, sum_M, m < positions)
    tl.store(weighted_ptr + place_M, weighted_M, m < positions)
    tl.store(chosen_ptr + place_M, chosen_M, m < positions)


@jit
def _logit_gradients(
    hidden, weight, gradient, targets_ptr, lse_ptr, grad_ptr,
    positions, start, scale_log2, tiles_v,
    D: tl.constexpr, TILE_M: tl.constexpr, TILE_V: tl.constexpr, TILE_D: tl.constexpr,
    GROUP: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """One tile of grad / temperature * (1 at the target - softmax), for the columns from `start`.

    Past the vocabulary's end it writes what nobody reads.
    """
    program = tl.program_id(0)
    group, place = program // (GROUP * tiles_v), program % (GROUP * tiles_v)
    first_m = (group * GROUP + place % GROUP) * TILE_M
    column = place // GROUP * TILE_V
    if first_m >= positions:
        return
    m = first_m + tl.arange(0, TILE_M)
    logits = tl.zeros((TILE_M, TILE_V), tl.float32)
    for d in range(0, D, TILE_D):
        hidden_MD = operand(hidden.load([first_m, d]), SNAP)
        weight_VD = operand(weight.load([start + column, d]), SNAP)
        logits = tl.dot(hidden_MD, weight_VD.T, logits)
    lse_M = tl.load(lse_ptr + m, m < positions, 0.0)
    grad_M1 = tl.load(grad_ptr + m, m < positions, 0.0)[:, None]
    target_M1 = tl.load(targets_ptr + m, m < positions, 0).to(tl.int32)[:, None]
    power = tl.exp2(logits * scale_log2 - lse_M[:, None])
    v_1V = tl.arange(0, TILE_V)[None, :]
    chosen = v_1V == target_M1 - start - column
    d_logits = tl.where(chosen, grad_M1, 0.0) - grad_M1 * power
    gradient.store([first_m, column], to_bf16(d_logits, SNAP))


def _fits_kernel(hidden_MD: Tensor, weight_VD: Tensor) -> bool:
    """Tiles are fetched by descriptors, which want bf16 here and rows at multiples of 16 bytes."""
    return (
        len(hidden_MD) > 0
        and hidden_MD.dtype == weight_VD.dtype == torch.bfloat16
        and weight_VD.is_contiguous()
        and hidden_MD.shape[1] % 8 == 0
        and weight_VD.data_ptr() % 16 == hidden_MD.data_ptr() % 16 == 0
    )


def _tiles(x: Tensor, rows: int, columns: int = TILE_D) -> Any:
    descriptors = import_module("triton.tools.tensor_descriptor")
    return descriptors.TensorDescriptor.from_tensor(x, [rows, columns])


def _shares(tiles_m: int, tiles_v: int, device: torch.device) -> int:
    """Shares of the vocabulary: enough that the last, partly filled wave of programs hardly counts
    (16 programs a multiprocessor), and none without a tile."""
    wanted = min(tiles_v, max(1, 16 * processors(device) // tiles_m))
    return triton.cdiv(tiles_v, triton.cdiv(tiles_v, wanted))


@cache
def _columns(positions: int, vocabulary: int) -> int:
    """Columns of the vocabulary whose gradients are held at once: whole tiles."""
    wanted = max(TILE_V, GRADIENT_ELEMENTS // positions // TILE_V * TILE_V)
    return min(wanted, triton.cdiv(vocabulary, TILE_V) * TILE_V)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b of bf16 matrices, in fp32."""
    if a.is_cuda:
        return torch.mm(a, b, out_dtype=torch.float32)
    return a.float() @ b.float()
