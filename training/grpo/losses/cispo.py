"""CISPO (MiniMax-M1, arXiv 2506.13585, equation 4): REINFORCE weighed by the ratio, cut off from
above. A clip that takes the gradient of rare tokens away would take that of “however” and “wait”.
"""

from __future__ import annotations

from training.config import CispoLoss
from training.grpo.losses.term import PolicyTerm, Tokens
from training.grpo.ratio import safe_exp


def term(tokens: Tokens, loss: CispoLoss) -> PolicyTerm:
    ratio_BT = safe_exp(tokens.log_ratio_BT.detach())
    weight_BT = ratio_BT.clamp(max=loss.weight_max)
    high_BT = ratio_BT > loss.weight_max
    return PolicyTerm(
        loss=-weight_BT * tokens.advantages_B1 * tokens.logprobs_BT,
        low=high_BT.new_zeros(()).expand_as(high_BT),
        high=high_BT,
    )
