"""DAPO (arXiv 2503.14476, equation 8): the clip leaves more room upwards, so that a token that was
unlikely can become likely."""

from __future__ import annotations

from training.config import DapoLoss
from training.grpo.losses.clipped import clipped
from training.grpo.losses.term import PolicyTerm, Tokens


def term(tokens: Tokens, loss: DapoLoss) -> PolicyTerm:
    return clipped(tokens.log_ratio_BT, tokens.advantages_B1, loss.clip_eps_low, loss.clip_eps_high)
