"""How far a result may stand from its higher-precision reference: by dtype, never by test."""

import torch

ABSOLUTE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
"""Largest absolute difference of logits and log-probabilities of order 1 to 10."""

RELATIVE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
"""Norm of the difference over the norm of the reference, for one operation and its gradients."""

GRADIENT = {torch.float32: 1e-3}
"""As RELATIVE, for gradients through a whole model."""

E4M3_STEP = 2.0**-3
"""Largest distance of neighbouring E4M3 numbers, over the smaller of them."""


def relative_difference(value: torch.Tensor, reference: torch.Tensor) -> float:
    exact = reference.detach().double()
    return float((value.detach().double() - exact).norm() / exact.norm().clamp(min=1e-30))
