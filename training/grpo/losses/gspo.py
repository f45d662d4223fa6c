"""GSPO (arXiv 2507.18071, equations 5 to 7): what was rewarded is the completion, so the ratio is
the completion's, to the power of one over its length. All its tokens are clipped or none."""

from __future__ import annotations

from training.config import GspoLoss
from training.grpo.losses.clipped import clipped
from training.grpo.losses.term import PolicyTerm, Tokens
from training.grpo.ratio import sequence_mean


def term(tokens: Tokens, loss: GspoLoss) -> PolicyTerm:
    log_ratio_B1 = sequence_mean(tokens.log_ratio_BT, tokens.mask_BT)
    return clipped(log_ratio_B1, tokens.advantages_B1, loss.clip_eps_low, loss.clip_eps_high)
