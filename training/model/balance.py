"""The sequence-wise balance loss (DeepSeek-V3 report, equations 17 to 20).

B sequences, N packed tokens, E routed experts, K experts per token.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.model.packing import Packed


class SequenceBalance:
    """Adds up the loss of each sequence over the sparse layers that a batch passes through."""

    def __init__(self, packed: Packed) -> None:
        self.members_BN = packed.members()
        self.lengths_B1 = self.members_BN.sum(1, keepdim=True).clamp_(min=1)
        self.loss_B = torch.zeros_like(self.lengths_B1[:, 0])
        """Sum over the layers so far of Σ_i f_i P_i, fp32; 1 a layer when the load is even."""

    def add(self, scores_NE: Tensor, experts_NK: Tensor) -> None:
        """One layer's scores (positive, before any bias) and the experts that were chosen.

        f_i is an expert's share of the choices times E, P_i the mean of its share of the scores,
        both over the tokens of one sequence. Only P_i carries a gradient.
        """
        count = self.members_BN.shape[1]
        shares_NE = (scores_NE / scores_NE.sum(-1, keepdim=True))[:count]
        chosen_NE = torch.zeros_like(shares_NE).scatter_(1, experts_NK[:count], 1.0)
        experts, chosen = scores_NE.shape[1], experts_NK.shape[1]
        f_BE = self.members_BN @ chosen_NE * (experts / chosen / self.lengths_B1)
        p_BE = self.members_BN @ shares_NE / self.lengths_B1
        self.loss_B = self.loss_B + (f_BE * p_BE).sum(1)
