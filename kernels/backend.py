"""Which path an op takes: its Triton kernel or its plain-torch twin.

Triton is loaded only where it can run: on a GPU, or in its interpreter, which computes on the CPU
and is how the kernels are tested without one (`TRITON_INTERPRET=1`, set before this is imported).
Elsewhere `triton` and `tl` are None, nothing is compiled, and every op is its reference.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
AVAILABLE = find_spec("triton") is not None and (INTERPRETED or torch.cuda.is_available())

triton: Any = None
tl: Any = None
if AVAILABLE:
    triton, tl = import_module("triton"), import_module("triton.language")

_log = logging.getLogger("kernels")


def jit(function: Callable[..., None]) -> Any:
    """`triton.jit` where Triton runs. Elsewhere the function as it is, which nobody calls."""
    return triton.jit(function) if AVAILABLE else function


def use_triton(x: Tensor) -> bool:
    """Whether an op on `x` runs its Triton kernel."""
    return AVAILABLE and (x.is_cuda or INTERPRETED)


def processors(device: torch.device) -> int:
    """Multiprocessors to fill; a few where no GPU is there to ask."""
    if INTERPRETED:
        return 4
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


@cache
def shared_memory(device: torch.device) -> int:
    """Bytes that one program can have; Hopper's where no GPU is there to ask."""
    if INTERPRETED:
        return 227 << 10
    return int(torch.cuda.get_device_properties(device).shared_memory_per_block_optin)


@cache
def say_path(op: str, path: str) -> None:
    """Log once which path an op took, for example ("mla_decode", "Triton, bf16")."""
    _log.info("%s: %s", op, path)
