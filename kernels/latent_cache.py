"""The paged latent cache of multi-head latent attention: its two layouts, and the write of a step.

What a token leaves behind is its normalised latent and one rotary key that all heads share. Pages
of 64 tokens are taken from one pool; a table says which pages hold a sequence, in order. A cache
[pages, 64, X] is either

- of a float dtype, X = C + R: latent, then rotary key; or
- FP8, dtype uint8, X = C + 4G + 2R bytes: C E4M3 values, their G fp32 scales (one for 128 values)
  and the rotary key in bf16. With C = 512 and R = 64 these are FlashMLA's 656 bytes a token, where
  bf16 takes 1152.

B sequences, S newest tokens of each, N = B * S, T = 64 slots of a page, P pages of a sequence,
C kv_lora_rank, G = ceil(C / 128), R qk_rope_head_dim.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kernels.backend import INTERPRETED, jit, say_path, tl, triton, use_triton
from kernels.casts import to_bf16, to_e4m3
from kernels.quantize import (
    BLOCK,
    TINY,
    Quantized,
    dequantize_rows,
    quantize_rows_ref,
    tile_scale,
    use_fp8,
)
from kernels.rms_norm import rms_norm_ref

PAGE = 64
"""Tokens of a page: the rows of one tensor core tile."""


class Fp8Parts(NamedTuple):
    """An FP8 cache seen as its three parts; they share its memory."""

    values_PTC: Tensor
    scales_PTG: Tensor
    k_rope_PTR: Tensor


def new_cache(
    pages: int, latent_dim: int, rope_dim: int, dtype: torch.dtype, device: torch.device | str
) -> Tensor:
    """An empty cache of `pages` pages; `torch.float8_e4m3fn` asks for the FP8 layout.

    FP8 takes a `latent_dim` that 4 divides and an even `rope_dim` (ValueError).
    """
    if dtype != torch.float8_e4m3fn:
        return torch.zeros(pages, PAGE, latent_dim + rope_dim, dtype=dtype, device=device)
    if latent_dim % 4 or rope_dim % 2:
        raise ValueError(
            f"an FP8 latent cache needs kv_lora_rank ({latent_dim}) to be a multiple of 4 and "
            f"qk_rope_head_dim ({rope_dim}) to be even"
        )
    width = latent_dim + 4 * -(-latent_dim // BLOCK) + 2 * rope_dim
    return torch.zeros(pages, PAGE, width, dtype=torch.uint8, device=device)


def rope_width(cache_PTX: Tensor, latent_dim: int) -> int:
    """R of a cache in either layout, from its width."""
    rest = cache_PTX.shape[-1] - latent_dim
    if cache_PTX.dtype == torch.uint8:
        rest = (rest - 4 * -(-latent_dim // BLOCK)) // 2
    return rest


def fp8_parts(cache_PTX: Tensor, latent_dim: int) -> Fp8Parts:
    """Views of an FP8 cache."""
    scales_end = latent_dim + 4 * -(-latent_dim // BLOCK)
    return Fp8Parts(
        cache_PTX[..., :latent_dim].view(torch.float8_e4m3fn),
        cache_PTX[..., latent_dim:scales_end].view(torch.float32),
        cache_PTX[..., scales_end:].view(torch.bfloat16),
    )


def read_latents(cache_PTX: Tensor, latent_dim: int) -> Tensor:
    """[pages, 64, C + R]: the cache itself, or in fp32 what an FP8 cache stands for."""
    if cache_PTX.dtype != torch.uint8:
        return cache_PTX
    parts = fp8_parts(cache_PTX, latent_dim)
    latents_PTC = dequantize_rows(Quantized(parts.values_PTC, parts.scales_PTG))
    return torch.cat((latents_PTC, parts.k_rope_PTR.float()), dim=-1)


def write_latent(
    latent_NC: Tensor,
    k_rope_NR: Tensor,
    cos_NR: Tensor,
    sin_NR: Tensor,
    weight_C: Tensor,
    eps: float,
    cache_PTX: Tensor,
    page_table_BP: Tensor,
    positions_N: Tensor,
) -> None:
    """Normalise latents (RMSNorm), turn rotary keys, and write both to their places in the cache.

    The N rows are the S = N / B newest tokens of each sequence, sequence after sequence; tokens of
    many sequences at once are written with a row of `page_table_BP` (int32) for each. Token n goes
    to page `page_table[n // S, position // 64]`, slot `position % 64`; a negative position is
    written nowhere. `cos_NR` and `sin_NR` turn neighbouring pairs (k[2i], k[2i+1]), the sines
    signed as in `k * cos + swapped(k) * sin`. The last dimensions are contiguous, rows need not be.
    All arithmetic is in fp32 and rounded once. ValueError when widths don't fit together; that
    pages and positions exist is up to the caller, since asking a GPU would wait for it.
    """
    _check(latent_NC, k_rope_NR, cache_PTX, page_table_BP, positions_N)
    inputs = (latent_NC, k_rope_NR, cos_NR, sin_NR, weight_C, eps)
    fp8, bf16 = (cache_PTX.dtype == dtype for dtype in (torch.uint8, torch.bfloat16))
    if use_fp8(latent_NC) if fp8 else bf16 and use_triton(latent_NC):
        say_path("write_latent", f"Triton, {_layout(cache_PTX)}")
        _launch(*inputs, cache_PTX, page_table_BP, positions_N)
    else:
        say_path("write_latent", f"reference, {_layout(cache_PTX)}")
        write_latent_ref(*inputs, cache_PTX, page_table_BP, positions_N)


def write_latent_ref(
    latent_NC: Tensor,
    k_rope_NR: Tensor,
    cos_NR: Tensor,
    sin_NR: Tensor,
    weight_C: Tensor,
    eps: float,
    cache_PTX: Tensor,
    page_table_BP: Tensor,
    positions_N: Tensor,
) -> None:
    """`write_latent` in plain torch."""
    wide = torch.promote_types(latent_NC.dtype, torch.float32)
    latent_NC = rms_norm_ref(latent_NC.to(wide), weight_C.to(wide), eps)
    swapped_NR = k_rope_NR.to(wide).unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    k_rope_NR = k_rope_NR.to(wide) * cos_NR + swapped_NR * sin_NR
    kept_M = (positions_N >= 0).nonzero().squeeze(1)
    positions_M = positions_N[kept_M]
    sequences_M = kept_M // _per_sequence(positions_N, page_table_BP)
    places = (page_table_BP[sequences_M, positions_M // PAGE].long(), positions_M % PAGE)
    if cache_PTX.dtype == torch.uint8:
        quantized = quantize_rows_ref(latent_NC[kept_M].float())
        rows = (quantized.values, quantized.scales, k_rope_NR[kept_M].bfloat16())
        for part, row in zip(fp8_parts(cache_PTX, weight_C.shape[0]), rows, strict=True):
            part.view(torch.uint8)[places] = row.contiguous().view(torch.uint8)
    else:
        rows_MX = torch.cat((latent_NC, k_rope_NR), dim=-1)[kept_M]
        cache_PTX[places] = rows_MX.to(cache_PTX.dtype)


def _per_sequence(positions_N: Tensor, page_table_BP: Tensor) -> int:
    return len(positions_N) // max(1, len(page_table_BP))


def _layout(cache_PTX: Tensor) -> str:
    return "FP8 cache" if cache_PTX.dtype == torch.uint8 else f"{cache_PTX.dtype} cache"


def _check(
    latent_NC: Tensor,
    k_rope_NR: Tensor,
    cache_PTX: Tensor,
    page_table_BP: Tensor,
    positions_N: Tensor,
) -> None:
    rope_dim = rope_width(cache_PTX, latent_NC.shape[1])
    if cache_PTX.shape[1] != PAGE or rope_dim != k_rope_NR.shape[1]:
        raise ValueError(
            f"a cache of shape {list(cache_PTX.shape)} ({_layout(cache_PTX)}) does not hold pages "
            f"of {PAGE} tokens with latents of {latent_NC.shape[1]} and rotary keys of "
            f"{k_rope_NR.shape[1]}: make it by new_cache"
        )
    if len(positions_N) != len(latent_NC) or len(latent_NC) % max(1, len(page_table_BP)):
        raise ValueError(
            f"{len(latent_NC)} latents, {len(positions_N)} positions and page tables of "
            f"{len(page_table_BP)} sequences: give each latent a position, and each sequence "
            "equally many"
        )


def _launch(
    latent_NC: Tensor,
    k_rope_NR: Tensor,
    cos_NR: Tensor,
    sin_NR: Tensor,
    weight_C: Tensor,
    eps: float,
    cache_PTX: Tensor,
    page_table_BP: Tensor,
    positions_N: Tensor,
) -> None:
    rows, latent_dim = latent_NC.shape
    rope_dim = k_rope_NR.shape[1]
    fp8 = cache_PTX.dtype == torch.uint8
    if fp8:
        values, scales, keys = fp8_parts(cache_PTX, latent_dim)
    else:
        values, scales, keys = cache_PTX, cache_PTX, cache_PTX[..., latent_dim:]
    _write_latent[(rows,)](
        latent_NC, k_rope_NR, cos_NR, sin_NR, weight_C, values, scales, keys, page_table_BP,
        positions_N, latent_NC.stride(0), k_rope_NR.stride(0), cos_NR.stride(0), values.stride(1),
        scales.stride(1), keys.stride(1), page_table_BP.stride(0), eps,
        PER_SEQUENCE=_per_sequence(positions_N, page_table_BP), PAGE=PAGE, C=latent_dim, R=rope_dim,
        C_TILE=triton.next_power_of_2(latent_dim), R_TILE=triton.next_power_of_2(rope_dim),
        QUANTUM=BLOCK, FLOOR=TINY, FP8=fp8, SNAP=INTERPRETED, num_warps=4,
    )  # fmt: skip


@jit
def _write_latent(
    latent_ptr, k_rope_ptr, cos_ptr, sin_ptr, weight_ptr, values_ptr, scales_ptr, keys_ptr,
    table_ptr, positions_ptr, latent_stride, k_rope_stride, cos_stride, values_stride,
    scales_stride, keys_stride, table_stride, eps,
    PER_SEQUENCE: tl.constexpr, PAGE: tl.constexpr, C: tl.constexpr, R: tl.constexpr,
    C_TILE: tl.constexpr, R_TILE: tl.constexpr, QUANTUM: tl.constexpr, FLOOR: tl.constexpr,
    FP8: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """One token a program."""
    token = tl.program_id(0).to(tl.int64)
    position = tl.load(positions_ptr + token)
    if position >= 0:
        page = tl.load(table_ptr + (token // PER_SEQUENCE) * table_stride + position // PAGE)
        place = page.to(tl.int64) * PAGE + position % PAGE

        c = tl.arange(0, C_TILE)
        latent = tl.load(latent_ptr + token * latent_stride + c, mask=c < C, other=0.0)
        latent = latent.to(tl.float32)
        latent *= tl.rsqrt(tl.sum(latent * latent) / C + eps)
        latent *= tl.load(weight_ptr + c, mask=c < C, other=0.0).to(tl.float32)
        if FP8:
            WIDTH: tl.constexpr = min(QUANTUM, C_TILE)
            GROUPS: tl.constexpr = C_TILE // WIDTH
            g = tl.arange(0, GROUPS)
            latent_GW = tl.reshape(latent, (GROUPS, WIDTH))
            scale_G1, inverse_G1 = tile_scale(latent_GW, 1, False, FLOOR)
            scales = scales_ptr + place * scales_stride + g[:, None]
            tl.store(scales, scale_G1, mask=g[:, None] * WIDTH < C)
            latent = tl.reshape(latent_GW * inverse_G1, (C_TILE,))
            tl.store(values_ptr + place * values_stride + c, to_e4m3(latent, SNAP), mask=c < C)
        else:
            tl.store(values_ptr + place * values_stride + c, to_bf16(latent, SNAP), mask=c < C)

        r = tl.arange(0, R_TILE)
        key = tl.load(k_rope_ptr + token * k_rope_stride + r, mask=r < R, other=0.0)
        swapped = tl.load(k_rope_ptr + token * k_rope_stride + (r ^ 1), mask=r < R, other=0.0)
        cos = tl.load(cos_ptr + token * cos_stride + r, mask=r < R, other=0.0).to(tl.float32)
        sin = tl.load(sin_ptr + token * cos_stride + r, mask=r < R, other=0.0).to(tl.float32)
        turned = key.to(tl.float32) * cos + swapped.to(tl.float32) * sin
        tl.store(keys_ptr + place * keys_stride + r, to_bf16(turned, SNAP), mask=r < R)
