"""Dr. GRPO (“Understanding R1-Zero-like training”, arXiv 2503.20783).

Its policy term is GRPO's. What it takes away stands elsewhere: the division by a completion's
length (`aggregation = "constant"`) and by the group's spread (`advantage_scale = "none"`).
"""

from __future__ import annotations

from training.config import DrGrpoLoss
from training.grpo.losses.clipped import clipped
from training.grpo.losses.term import PolicyTerm, Tokens


def term(tokens: Tokens, loss: DrGrpoLoss) -> PolicyTerm:
    return clipped(tokens.log_ratio_BT, tokens.advantages_B1, loss.clip_eps, loss.clip_eps)
