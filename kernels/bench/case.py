"""What a case of the benchmark is: an operation, a shape, what it must move and compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

Run = Callable[[], Any]
"""Does the work once on tensors that are there already, and returns its result."""


@dataclass(frozen=True)
class Problem:
    """A case with its tensors made."""

    run: Run
    error: Callable[[Any], float]
    """Relative difference of a result of `run` from float64: norm over norm, the largest of its
    tensors."""
    peers: dict[str, Callable[[], Run]] = field(default_factory=dict)
    """By name, whose first word is the package: makes what does the same work. Who cannot is not
    here."""


@dataclass(frozen=True)
class Case:
    op: str
    shape: str
    bytes: float
    """What has to be read and written at least."""
    flops: float
    tolerance: float
    """Largest error that is rounding."""
    make: Callable[[torch.device], Problem]
    target: str = ""
    """What it should reach on one H200."""


BF16 = 2e-2
FP32 = 1e-5
"""Errors of one operation: those of tests/tolerance.py."""
E4M3_BETWEEN = 4e-2
"""Of two products in a row with E4M3 between them: the last bits of the first move some of its
results across a rounding, by a step of up to 12 %."""


def installed(peer: str) -> bool:
    return find_spec(peer.split(maxsplit=1)[0]) is not None


def random(
    device: torch.device, *shape: int, dtype: torch.dtype = torch.bfloat16, seed: int = 0
) -> Tensor:
    """Normal numbers, the same on every run."""
    generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(shape, generator=generator, device=device, dtype=dtype)


def difference(value: Tensor, exact: Tensor) -> float:
    exact = exact.detach().double()
    return float((value.detach().double() - exact).norm() / exact.norm().clamp(min=1e-30))


def gradients(run: Callable[..., Tensor], inputs: list[Tensor], upstream: Tensor) -> list[Tensor]:
    """The gradients of `run` with respect to `inputs`, from `upstream`."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    return list(torch.autograd.grad(run(*leaves), leaves, upstream))
