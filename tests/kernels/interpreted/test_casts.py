"""Rounding in kernels equals torch's, which rounds to nearest even."""

import torch
from torch import Tensor

from kernels.backend import INTERPRETED, jit, tl, triton
from kernels.casts import E4M3_MAX, to_bf16, to_e4m3

BLOCK = 1024


@jit
def _cast(x_ptr, narrow_ptr, fp8_ptr, SNAP: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.store(narrow_ptr + i, to_bf16(x, SNAP))
    tl.store(fp8_ptr + i, to_e4m3(x, SNAP))


def _all_kinds() -> Tensor:
    """Normal and sub-normal numbers, ties, carries and what is too large."""
    generator = torch.Generator().manual_seed(0)
    grid = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    grid = grid[grid.isfinite()].sort().values
    wide = torch.randn(8192, generator=generator) * torch.logspace(-4, 3, 8192)
    x = torch.cat((grid, (grid[1:] + grid[:-1]) / 2, wide))
    return torch.nn.functional.pad(x, (0, -len(x) % BLOCK))


def test_rounding_is_to_nearest_even() -> None:
    x = _all_kinds()
    narrow, fp8 = (
        torch.zeros(len(x), dtype=torch.bfloat16),
        torch.zeros(len(x)).to(torch.float8_e4m3fn),
    )
    _cast[(triton.cdiv(len(x), BLOCK),)](x, narrow, fp8, SNAP=INTERPRETED, BLOCK=BLOCK)
    assert torch.equal(narrow, x.bfloat16())
    expected = x.clamp(-E4M3_MAX, E4M3_MAX).to(torch.float8_e4m3fn)
    assert torch.equal(fp8.float(), expected.float())
