"""A short name for all weights of a model: it changes when one byte, name, shape or dtype does.

Both ends of a handover compute it. Imports the standard library only: it runs in vLLM's
environment too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

DIGITS = 32
"""Hexadecimal digits that are kept: 128 bits."""


def of_tensor(name: str, dtype: str, shape: Sequence[int], data: memoryview) -> str:
    """One line for one tensor. SHA-256 has instructions of its own on today's processors, and is
    computed outside Python's lock."""
    return f"{name} {dtype} {list(shape)} {hashlib.sha256(data).hexdigest()}"


def of_model(tensors: Iterable[str]) -> str:
    """Of `of_tensor`'s lines, in whatever order they came."""
    return hashlib.sha256("\n".join(sorted(tensors)).encode()).hexdigest()[:DIGITS]
