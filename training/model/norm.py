"""Root mean square normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kernels.rms_norm import rms_norm


class RMSNorm(nn.Module):
    """y = weight * x / sqrt(mean(x²) + eps), the mean taken in fp32 (arXiv 1910.07467)."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension of `x`; shape and dtype stay."""
        return rms_norm(x, self.weight, self.eps)
