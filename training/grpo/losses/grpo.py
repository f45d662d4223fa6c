"""GRPO (DeepSeekMath, arXiv 2402.03300, equation 3), with R1's wide clip."""

from __future__ import annotations

from training.config import GrpoLoss
from training.grpo.losses.clipped import clipped
from training.grpo.losses.term import PolicyTerm, Tokens


def term(tokens: Tokens, loss: GrpoLoss) -> PolicyTerm:
    return clipped(tokens.log_ratio_BT, tokens.advantages_B1, loss.clip_eps, loss.clip_eps)
