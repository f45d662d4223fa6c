"""One AdamW step (arXiv 1711.05101) in one pass, with moments in fp32 or bf16.

DeepSeek-V3 keeps both moments in bf16 and the master weights in fp32 (report, section 3.3.2): 4
bytes a weight less, in memory and in what each step reads and writes. Moments are widened, moved
and used in fp32; only what is stored is rounded.

They are rounded to nearest even, not stochastically: it repeats bit for bit and needs no random
number for each weight. What it costs is a dead zone. bf16 has 8 significant bits, so a change of a
moment by less than 2⁻⁹ to 2⁻⁸ of itself is lost. Measured on Gaussian gradients, mean of
sqrt(second moment) over the exact one, steady and after the gradient fell to a tenth:

    beta2   0.9    0.95    0.98   0.99   0.995  0.997  0.999
    steady  1.000  1.000   0.998  1.022  0.989  1.10   1.31
    fallen  1.000  1.000   0.995  1.042  0.932  8.4    4.7

So it does no harm at V3's 0.95; from 1 - beta2 = 2⁻⁸ on a second moment no longer shrinks, and the
steps stay too small. The config takes bf16 moments up to beta2 = 0.99.

N elements.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from kernels.backend import INTERPRETED, jit, say_path, tl, triton, use_triton
from kernels.casts import to_bf16

CHUNK = 1 << 16
"""Elements that a CPU takes through the whole formula at once: they stay in its cache."""
BLOCK = 1024


class _Factors(NamedTuple):
    """The numbers of a step that are the same for all elements, computed in double precision."""

    beta1: float
    beta2: float
    keep1: float
    """1 - beta1, and likewise below: fp32 would lose digits in the subtraction."""
    keep2: float
    correction: float
    """sqrt(1 - beta2^step)."""
    rate: float
    """lr / (1 - beta1^step)."""
    decay: float
    """1 - lr * weight_decay."""
    eps: float


def adamw_step(
    param: Tensor,
    grad: Tensor,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
) -> None:
    """Step number `step` (from 1) on fp32 weights, in place.

    All tensors have one shape and are contiguous. `param` and `grad` are fp32, the moments
    `exp_avg` and `exp_avg_sq` fp32 or bf16, both alike. Raises ValueError for anything else.
    """
    _check(param, grad, exp_avg, exp_avg_sq)
    factors = _factors(lr, beta1, beta2, eps, weight_decay, step)
    tensors = [tensor.view(-1) for tensor in (param, grad, exp_avg, exp_avg_sq)]
    if use_triton(param):
        say_path("adamw", "Triton")
        count = param.numel()
        narrow = exp_avg.dtype == torch.bfloat16
        _adamw[(triton.cdiv(count, BLOCK),)](
            *tensors, count, *factors, NARROW=narrow, SNAP=INTERPRETED, BLOCK=BLOCK
        )
        return
    for chunks in zip(*(tensor.split(CHUNK) for tensor in tensors), strict=True):
        _move(*chunks, factors)


def adamw_step_ref(
    param: Tensor,
    grad: Tensor,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
) -> None:
    """`adamw_step` in plain torch, in any dtypes; the arithmetic is in that of `param`."""
    wide = param.dtype
    mean = beta1 * exp_avg.to(wide) + (1 - beta1) * grad
    square = beta2 * exp_avg_sq.to(wide) + (1 - beta2) * grad.square()
    size = square.div(1 - beta2**step).sqrt() + eps
    param.mul_(1 - lr * weight_decay).sub_(lr / (1 - beta1**step) * mean / size)
    exp_avg.copy_(mean)
    exp_avg_sq.copy_(square)


@jit
def _adamw(
    param_ptr, grad_ptr, mean_ptr, square_ptr, count,
    beta1, beta2, keep1, keep2, correction, rate, decay, eps,
    NARROW: tl.constexpr, SNAP: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = i < count
    param = tl.load(param_ptr + i, inside, 0.0)
    grad = tl.load(grad_ptr + i, inside, 0.0)
    mean = tl.load(mean_ptr + i, inside, 0.0).to(tl.float32)
    square = tl.load(square_ptr + i, inside, 0.0).to(tl.float32)
    mean = beta1 * mean + keep1 * grad
    square = beta2 * square + keep2 * grad * grad
    size = tl.sqrt(square) / correction + eps
    tl.store(param_ptr + i, param * decay - rate * (mean / size), inside)
    tl.store(mean_ptr + i, to_bf16(mean, SNAP) if NARROW else mean, inside)
    tl.store(square_ptr + i, to_bf16(square, SNAP) if NARROW else square, inside)


def _move(
    param_N: Tensor, grad_N: Tensor, exp_avg_N: Tensor, exp_avg_sq_N: Tensor, factors: _Factors
) -> None:
    mean_N, square_N = exp_avg_N.float(), exp_avg_sq_N.float()
    mean_N.lerp_(grad_N, factors.keep1)
    square_N.mul_(factors.beta2).addcmul_(grad_N, grad_N, value=factors.keep2)
    if exp_avg_N.dtype == torch.bfloat16:
        exp_avg_N.copy_(mean_N)
        exp_avg_sq_N.copy_(square_N)
    size_N = square_N.sqrt().div_(factors.correction).add_(factors.eps)
    param_N.mul_(factors.decay).addcdiv_(mean_N, size_N, value=-factors.rate)


def _factors(
    lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, step: int
) -> _Factors:
    return _Factors(
        beta1=beta1,
        beta2=beta2,
        keep1=1 - beta1,
        keep2=1 - beta2,
        correction=math.sqrt(1 - beta2**step),
        rate=lr / (1 - beta1**step),
        decay=1 - lr * weight_decay,
        eps=eps,
    )


def _check(param: Tensor, grad: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor) -> None:
    tensors = {"param": param, "grad": grad, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}
    for name, tensor in tensors.items():
        if tensor.shape != param.shape or not tensor.is_contiguous():
            raise ValueError(
                f"{name} has shape {list(tensor.shape)} and strides {tensor.stride()}: it must be "
                f"contiguous in the shape of param, {list(param.shape)}"
            )
    for name in ("param", "grad"):
        if tensors[name].dtype != torch.float32:
            raise ValueError(f"{name} is {tensors[name].dtype}: it must be fp32")
    if exp_avg.dtype != exp_avg_sq.dtype or exp_avg.dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(
            f"exp_avg is {exp_avg.dtype}, exp_avg_sq {exp_avg_sq.dtype}: both must be fp32, or bf16"
        )
