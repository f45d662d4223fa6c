"""Cosine of the length (Yeo et al., arXiv 2502.03373; open-r1's `cosine`).

Among right answers the shorter earn more, so that tokens are not wasted; among wrong ones the
longer lose less, so that the policy thinks on when it does not know. The paper counts tokens up to
the greatest length; so does this.
"""

from __future__ import annotations

import math

from training.config import LengthConfig


def cosine_length(tokens: int, max_tokens: int, right: bool, config: LengthConfig) -> float:
    """long + (short - long) (1 + cos(π tokens / max_tokens)) / 2, by right or wrong answer."""
    short, long = (
        (config.right_short, config.right_long)
        if right
        else (config.wrong_short, config.wrong_long)
    )
    progress = min(tokens / max_tokens, 1.0)
    return long + (short - long) * (1 + math.cos(math.pi * progress)) / 2
