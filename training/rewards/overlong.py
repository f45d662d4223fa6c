"""DAPO's soft overlong punishment (arXiv 2503.14476, equation 13)."""

from __future__ import annotations


def soft_overlong(tokens: int, max_tokens: int, buffer_tokens: int) -> float:
    """0 up to `max_tokens - buffer_tokens`, then falling evenly to -1 at `max_tokens`."""
    over = tokens - (max_tokens - buffer_tokens)
    return -min(max(over / buffer_tokens, 0.0), 1.0)
