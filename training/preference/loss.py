"""The Bradley-Terry loss of pairs: −log σ(better − worse), as InstructGPT (arXiv 2203.02155,
equation 1) and R1's helpfulness model have it. P pairs."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def bradley_terry(better_P: Tensor, worse_P: Tensor) -> Tensor:
    """Loss of each pair, [P]."""
    return -F.logsigmoid(better_P - worse_P)


def score_gradients(better_P: Tensor, worse_P: Tensor) -> tuple[Tensor, Tensor]:
    """What the loss's derivative by each score is: −σ(worse − better) and its negative."""
    slope_P = (worse_P - better_P).sigmoid()
    return -slope_P, slope_P
