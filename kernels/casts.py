"""Rounding to bf16 and E4M3 inside Triton kernels, to nearest even.

The hardware does this in one instruction. Triton's interpreter truncates to bf16 and gets E4M3
wrong at ties, at carries and below the smallest normal number (triton-lang issue 8322), so with
SNAP the value is put onto the grid by fp32 arithmetic before the cast. Kernels pass
`SNAP=INTERPRETED`.
"""

from __future__ import annotations

from kernels.backend import jit, tl

E4M3_MAX = 448.0
"""Largest E4M3 number; there is no infinity above it, so values are clamped to it."""


@jit
def to_bf16(x, SNAP: tl.constexpr):
    """fp32 to bf16."""
    if SNAP:
        bits = x.to(tl.int32, bitcast=True)
        bits += 0x7FFF + ((bits >> 16) & 1)
        x = (bits & -65536).to(tl.float32, bitcast=True)
    return x.to(tl.bfloat16)


@jit
def to_e4m3(x, SNAP: tl.constexpr):
    """fp32 to E4M3, saturating at ±448."""
    x = tl.minimum(tl.maximum(x, -448.0), 448.0)
    if SNAP:
        exponent = ((x.to(tl.int32, bitcast=True) >> 23) & 255) - 127
        step = (tl.maximum(exponent, -6) - 3 + 127) << 23  # bits of the spacing 2^(e-3)
        spacing = step.to(tl.int32).to(tl.float32, bitcast=True)
        x = (x / spacing + 12582912.0) - 12582912.0  # 1.5 · 2²³: rounds to an integer
        x = x * spacing
    return x.to(tl.float8e4nv)


@jit
def operand(x, SNAP: tl.constexpr):
    """A factor of `tl.dot`, of which the interpreter multiplies the bits when it is bf16."""
    if SNAP:
        x = x.to(tl.float32)
    return x
