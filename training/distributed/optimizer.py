"""The optimiser that DeepSpeed wraps."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from training.config import OptimConfig


def make_optimizer(parameters: Iterable[nn.Parameter], optim: OptimConfig) -> torch.optim.Optimizer:
    """AdamW; under ZeRO it is given the fp32 master weights."""
    return torch.optim.AdamW(
        parameters,
        lr=optim.learning_rate,
        betas=(optim.beta1, optim.beta2),
        weight_decay=optim.weight_decay,
    )
