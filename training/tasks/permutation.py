"""A shuffled order of 0 … n-1 without a list of it: place in, number out.

A Feistel network of four rounds is a bijection on numbers of 2h bits whatever its round function;
numbers of n or more are sent through again until one is below n (cycle walking), which keeps it a
bijection on 0 … n-1. The network is less than four times as large as n, so
that is fewer than four passes on average.
"""

from __future__ import annotations

import hashlib

_ROUNDS = 4


def shuffled(place: int, size: int, key: str) -> int:
    """The number at `place` (0 ≤ place < size) of the order of 0 … size-1 that `key` names."""
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    number = place
    while True:
        number = _feistel(number, half, key)
        if number < size:
            return number


def _feistel(number: int, half: int, key: str) -> int:
    mask = (1 << half) - 1
    left, right = number >> half, number & mask
    for turn in range(_ROUNDS):
        digest = hashlib.sha256(f"{key}/{turn}/{right}".encode()).digest()
        left, right = right, left ^ (int.from_bytes(digest[:8], "big") & mask)
    return left << half | right
