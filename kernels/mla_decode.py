"""Attention of newly decoded tokens over the paged latent cache, with the expansion absorbed.

Queries come already multiplied into the latent space (DeepSeek-V2 report, section 2.1.2), so that
all heads share one key per token, its latent and rotary key, and the latent is the value too: a
cached token is read once for all heads, 1152 bytes in V3 where expanded keys and values have 80 kB.

Long sequences are cut into splits that run at once, each a softmax of its own; a second kernel
joins them by their log-sum-exp (flash decoding).

B sequences, S newest tokens of each, H heads, C kv_lora_rank, R qk_rope_head_dim, X = C + R,
T = 64 slots of a page, P pages of a sequence, M = S * H rows of queries.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor

from kernels.backend import (
    INTERPRETED,
    jit,
    processors,
    say_path,
    shared_memory,
    tl,
    triton,
    use_triton,
)
from kernels.casts import operand, to_bf16
from kernels.latent_cache import PAGE, fp8_parts, read_latents, rope_width
from kernels.quantize import BLOCK, use_fp8

MAX_SPLITS = 128
"""Splits that one program joins again."""


def mla_decode(
    q: Tensor,
    cache_PTX: Tensor,
    page_table_BP: Tensor,
    lengths_B: Tensor,
    latent_dim: int,
    scale: float,
) -> Tensor:
    """softmax(scale * q · keys) @ latents of each sequence.

    `q` is [B, H, X], or [B, S, H, X] for the S newest tokens of each sequence, of which each sees
    the ones before and itself. `cache_PTX` is a cache of kernels/latent_cache.py, float or FP8;
    `page_table_BP` int32 names each sequence's pages in order; `lengths_B` counts its tokens in the
    cache, the S newest among them. What lies past a sequence's end, in tables or pages, is not
    looked at. Returns [B, (S,) H, C] in the dtype of `q`: zeros where there is no token to see.
    Softmax and sums are fp32 or better. Nothing depends on the values of `lengths_B` on the host,
    so the call can stand in a CUDA graph. ValueError when shapes don't fit together.
    """
    _check(q, cache_PTX, page_table_BP, lengths_B, latent_dim)
    name = "FP8" if cache_PTX.dtype == torch.uint8 else str(cache_PTX.dtype)
    if _fits_kernel(q, cache_PTX, latent_dim):
        say_path("mla_decode", f"Triton, {name} cache")
        out = _launch(q, cache_PTX, page_table_BP, lengths_B, latent_dim, scale)
    else:
        say_path("mla_decode", f"reference, {name} cache")
        out = mla_decode_ref(q, cache_PTX, page_table_BP, lengths_B, latent_dim, scale)
    return out


def mla_decode_ref(
    q: Tensor,
    cache_PTX: Tensor,
    page_table_BP: Tensor,
    lengths_B: Tensor,
    latent_dim: int,
    scale: float,
) -> Tensor:
    """`mla_decode` in plain torch, over all pages of the table."""
    wide = torch.promote_types(q.dtype, torch.float32)
    q_BSHX = (q if q.dim() == 4 else q[:, None]).to(wide)
    newest, capacity = q_BSHX.shape[1], page_table_BP.shape[1] * PAGE
    places_T = torch.arange(capacity, device=q.device)
    unused_BT = places_T >= lengths_B[:, None]
    pages_BP = page_table_BP.masked_fill(unused_BT[:, ::PAGE], 0).long()
    keys_BTX = read_latents(cache_PTX, latent_dim)[pages_BP].flatten(1, 2).to(wide)
    keys_BTX = keys_BTX.masked_fill(unused_BT[..., None], 0)
    seen_BS = lengths_B[:, None] - torch.arange(newest - 1, -1, -1, device=q.device)
    hidden_BST = places_T >= seen_BS[..., None]
    scores_BSHT = scale * torch.einsum("bshx,btx->bsht", q_BSHX, keys_BTX)
    weights_BSHT = scores_BSHT.masked_fill(hidden_BST[:, :, None], -torch.inf).softmax(-1)
    out_BSHC = torch.einsum("bsht,btc->bshc", weights_BSHT, keys_BTX[..., :latent_dim])
    out_BSHC = out_BSHC.masked_fill((seen_BS <= 0)[..., None, None], 0)
    return out_BSHC.to(q.dtype).reshape(*q.shape[:-1], latent_dim)


def _check(
    q: Tensor, cache_PTX: Tensor, page_table_BP: Tensor, lengths_B: Tensor, latent_dim: int
) -> None:
    width = latent_dim + rope_width(cache_PTX, latent_dim)
    if q.dim() not in {3, 4} or q.shape[-1] != width or cache_PTX.shape[1] != PAGE:
        raise ValueError(
            f"queries {list(q.shape)} do not fit a cache {list(cache_PTX.shape)} of dtype "
            f"{cache_PTX.dtype}: it holds pages of {PAGE} tokens, and queries end in {width} "
            f"numbers, the latent's {latent_dim} and the rotary key's"
        )
    if not len(q) == len(page_table_BP) == len(lengths_B):
        raise ValueError(
            f"queries of {len(q)} sequences, page tables of {len(page_table_BP)} and "
            f"{len(lengths_B)} lengths: give one for each"
        )


def choose_splits(programs: int, pages: int, processors: int) -> int:
    """Into how many splits to cut each sequence of at most `pages` pages.

    `programs` (sequences times tiles of heads) times splits run in rounds of `processors`. A round
    lasts as long as its pages, and where there are splits about one page more, for starting them
    and for writing and joining what they found.
    """

    def cost(splits: int) -> int:
        rounds = -(-programs * splits // processors)
        return rounds * (-(-pages // splits) + (splits > 1))

    return min(range(1, min(max(pages, 1), MAX_SPLITS) + 1), key=cost)


@functools.cache
class Tiling(NamedTuple):
    rows: int
    """Rows of queries that a program takes."""
    transposed: bool
    stages: int
    """Pages in hand at once: one is computed with while the next is on its way."""


def choose_tiling(rows: int, width: int, fp8: bool, memory: int) -> Tiling | None:
    """The fastest that fits `memory`, the bytes of shared memory; None when none does.

    `width` is C + R, both as powers of two. Hopper takes V3's shape as it should be; smaller GPUs
    go without the second page, or take few rows at a time.
    """
    few = Tiling(min(32, max(16, 1 << (rows - 1).bit_length())), True, 2)
    many = Tiling(64, False, 2)
    natural = few if rows <= 32 and not fp8 else many
    choices = [natural, natural._replace(stages=1)]
    if not fp8:
        choices.append(Tiling(16, True, 1))
    for tiling in choices:
        page, queries = 2 * PAGE * width, 2 * tiling.rows * (width + PAGE)
        pages = (tiling.stages + 1) / 2 if fp8 else tiling.stages  # FP8 ones take half, then whole
        if queries + pages * page <= memory:
            return tiling
    return None


def _fits_kernel(q: Tensor, cache_PTX: Tensor, latent_dim: int) -> bool:
    fp8 = cache_PTX.dtype == torch.uint8
    known = use_fp8(q) if fp8 else use_triton(q) and cache_PTX.dtype == torch.bfloat16
    return known and q.dtype == torch.bfloat16 and _tiling(q, latent_dim, fp8) is not None


def _tiling(q: Tensor, latent_dim: int, fp8: bool) -> Tiling | None:
    width = _tile(latent_dim) + _tile(q.shape[-1] - latent_dim)
    return choose_tiling(q.shape[1:-1].numel(), width, fp8, shared_memory(q.device))


def _tile(length: int) -> int:
    return max(16, 1 << (length - 1).bit_length())


def _launch(
    q: Tensor,
    cache_PTX: Tensor,
    page_table_BP: Tensor,
    lengths_B: Tensor,
    latent_dim: int,
    scale: float,
    splits: int | None = None,
) -> Tensor:
    batch, heads = len(q), q.shape[-2]
    rows, width = q.shape[1:-1].numel(), q.shape[-1]
    fp8 = cache_PTX.dtype == torch.uint8
    tiling = _tiling(q, latent_dim, fp8)
    tiles = triton.cdiv(rows, tiling.rows)
    if splits is None:
        splits = choose_splits(batch * tiles, page_table_BP.shape[1], processors(q.device))
    if fp8:
        values, scales, keys = fp8_parts(cache_PTX, latent_dim)
    else:
        values, scales, keys = cache_PTX, cache_PTX, cache_PTX[..., latent_dim:]
    out = q.new_empty(*q.shape[:-1], latent_dim)
    lse_BLM = q.new_empty(batch, splits, rows, dtype=torch.float32)
    parts = out if splits == 1 else q.new_empty(*lse_BLM.shape, latent_dim, dtype=torch.float32)
    _attend[(tiles, splits, batch)](
        q.contiguous(), values, scales, keys, page_table_BP, lengths_B, parts, lse_BLM,
        values.stride(1), scales.stride(1), keys.stride(1), page_table_BP.stride(0),
        scale * 1.4426950408889634,
        HEADS=heads, ROWS=rows, SPLITS=splits, PAGE=PAGE, C=latent_dim, R=width - latent_dim,
        C_TILE=_tile(latent_dim), R_TILE=_tile(width - latent_dim), ROW_TILE=tiling.rows,
        AXIS=0 if tiling.transposed else 1, QUANTUM=BLOCK, FP8=fp8, SNAP=INTERPRETED,
        num_warps=4 if tiling.transposed else 8, num_stages=tiling.stages,
    )  # fmt: skip
    if splits > 1:
        _join[(triton.cdiv(latent_dim, 64), rows, batch)](
            parts, lse_BLM, out, ROWS=rows, SPLITS=splits, C=latent_dim, C_STEP=64,
            SPLIT_TILE=triton.next_power_of_2(splits), SNAP=INTERPRETED, num_warps=4,
        )  # fmt: skip
    return out


@jit
def _attend(
    q_ptr, latents_ptr, scales_ptr, keys_ptr, table_ptr, lengths_ptr, out_ptr, lse_ptr,
    latents_stride, scales_stride, keys_stride, table_stride, scale_log2,
    HEADS: tl.constexpr, ROWS: tl.constexpr, SPLITS: tl.constexpr, PAGE: tl.constexpr,
    C: tl.constexpr, R: tl.constexpr, C_TILE: tl.constexpr, R_TILE: tl.constexpr,
    ROW_TILE: tl.constexpr, AXIS: tl.constexpr, QUANTUM: tl.constexpr, FP8: tl.constexpr,
    SNAP: tl.constexpr,
):  # fmt: skip
    """A tile of query rows M over one split of one sequence.

    Tokens run along AXIS of the scores. With AXIS 0 everything stands transposed: tokens and latent
    dimensions along the 64 rows that a tensor core product wants, query rows along its columns, of
    which 16 are enough, so 16 heads waste nothing. With AXIS 1 query rows stand along the 64, and
    the latents, in both products the second factor, may come from registers.
    """
    tile, split = tl.program_id(0), tl.program_id(1)
    sequence = tl.program_id(2).to(tl.int64)
    length = tl.load(lengths_ptr + sequence)
    pages = (length + PAGE - 1) // PAGE
    share = (pages + SPLITS - 1) // SPLITS
    first, last = split * share, tl.minimum(split * share + share, pages)

    t, c, r = tl.arange(0, PAGE), tl.arange(0, C_TILE), tl.arange(0, R_TILE)
    m = tile * ROW_TILE + tl.arange(0, ROW_TILE)
    seen_M = length - (ROWS - 1 - m) // HEADS  # of S newest tokens the last sees all
    q_rows = q_ptr + (sequence * ROWS + m)[:, None] * (C + R)
    q_MC = tl.load(q_rows + c[None, :], mask=(m < ROWS)[:, None] & (c < C)[None, :], other=0.0)
    q_MR = tl.load(q_rows + C + r[None, :], mask=(m < ROWS)[:, None] & (r < R)[None, :], other=0.0)
    q_MC, q_MR = operand(q_MC, SNAP), operand(q_MR, SNAP)

    out = tl.zeros((C_TILE, ROW_TILE) if AXIS == 0 else (ROW_TILE, C_TILE), tl.float32)
    sum_M = tl.zeros((ROW_TILE,), tl.float32)
    top_M = tl.full((ROW_TILE,), -1e30, tl.float32)
    for page in range(first, last):
        place_T = tl.load(table_ptr + sequence * table_stride + page).to(tl.int64) * PAGE + t
        position_T = page * PAGE + t
        inside_T1 = (position_T < length)[:, None]
        if FP8:
            WIDTH: tl.constexpr = min(QUANTUM, C_TILE)
            g, w = tl.arange(0, C_TILE // WIDTH), tl.arange(0, WIDTH)
            column_GW = g[:, None] * WIDTH + w[None, :]
            values_TGW = tl.load(
                latents_ptr + place_T[:, None, None] * latents_stride + column_GW[None],
                mask=inside_T1[:, :, None] & (column_GW < C)[None],
                other=0.0,
            )
            scales_TG = tl.load(
                scales_ptr + place_T[:, None] * scales_stride + g[None, :],
                mask=inside_T1 & (g * WIDTH < C)[None, :],
                other=0.0,
            )
            latents_TGW = to_bf16(values_TGW.to(tl.float32) * scales_TG[:, :, None], SNAP)
            latents_TC = tl.reshape(latents_TGW, (PAGE, C_TILE))
        else:
            latents_TC = tl.load(
                latents_ptr + place_T[:, None] * latents_stride + c[None, :],
                mask=inside_T1 & (c < C)[None, :],
                other=0.0,
            )
        keys_TR = tl.load(
            keys_ptr + place_T[:, None] * keys_stride + r[None, :],
            mask=inside_T1 & (r < R)[None, :],
            other=0.0,
        )
        latents_TC, keys_TR = operand(latents_TC, SNAP), operand(keys_TR, SNAP)
        if AXIS == 0:
            scores = tl.dot(keys_TR, tl.trans(q_MR), tl.dot(latents_TC, tl.trans(q_MC)))
        else:
            scores = tl.dot(q_MR, tl.trans(keys_TR), tl.dot(q_MC, tl.trans(latents_TC)))
        seen = tl.expand_dims(position_T, 1 - AXIS) < tl.expand_dims(seen_M, AXIS)
        scores = tl.where(seen, scores * scale_log2, float("-inf"))
        higher_M = tl.maximum(top_M, tl.max(scores, AXIS))
        fade_M = tl.exp2(top_M - higher_M)
        top_M = higher_M
        weights = tl.exp2(scores - tl.expand_dims(top_M, AXIS))
        sum_M = sum_M * fade_M + tl.sum(weights, AXIS)
        faded = out * tl.expand_dims(fade_M, AXIS)
        weights = operand(to_bf16(weights, SNAP), SNAP)
        if AXIS == 0:
            out = tl.dot(tl.trans(latents_TC), weights, faded)
        else:
            out = tl.dot(weights, latents_TC, faded)

    nothing_M = sum_M == 0.0
    sum_M = tl.where(nothing_M, 1.0, sum_M)
    lse_M = tl.where(nothing_M, float("-inf"), top_M + tl.log2(sum_M))
    out_MC = (tl.trans(out) if AXIS == 0 else out) / sum_M[:, None]
    row_M = (sequence * SPLITS + split) * ROWS + m
    stored = (m < ROWS)[:, None] & (c < C)[None, :]
    if SPLITS == 1:
        tl.store(out_ptr + row_M[:, None] * C + c[None, :], to_bf16(out_MC, SNAP), mask=stored)
    else:
        stored &= first < last
        tl.store(out_ptr + row_M[:, None] * C + c[None, :], out_MC, mask=stored)
        tl.store(lse_ptr + row_M, lse_M, mask=m < ROWS)


@jit
def _join(
    parts_ptr, lse_ptr, out_ptr,
    ROWS: tl.constexpr, SPLITS: tl.constexpr, C: tl.constexpr, C_STEP: tl.constexpr,
    SPLIT_TILE: tl.constexpr, SNAP: tl.constexpr,
):  # fmt: skip
    """The splits L of one row of queries, weighted by their shares of the whole softmax."""
    row, sequence = tl.program_id(1), tl.program_id(2).to(tl.int64)
    c = tl.program_id(0) * C_STEP + tl.arange(0, C_STEP)
    split = tl.arange(0, SPLIT_TILE)
    row_L = (sequence * SPLITS + split) * ROWS + row
    lse_L = tl.load(lse_ptr + row_L, mask=split < SPLITS, other=float("-inf"))
    share_L = tl.exp2(lse_L - tl.maximum(tl.max(lse_L, 0), -1e30))
    whole = tl.sum(share_L, 0)
    share_L /= tl.where(whole == 0.0, 1.0, whole)
    written_LC = (lse_L != float("-inf"))[:, None] & (c < C)[None, :]
    part_LC = tl.load(parts_ptr + row_L[:, None] * C + c[None, :], mask=written_LC, other=0.0)
    out_C = tl.sum(part_LC * share_L[:, None], 0)
    tl.store(out_ptr + (sequence * ROWS + row) * C + c, to_bf16(out_C, SNAP), mask=c < C)
