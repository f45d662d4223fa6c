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

E4M3_BETWEEN = 4e-2
"""As RELATIVE, of two products in a row with E4M3 between them: the last bits of the first move
some of its results across a rounding, by a step. An H200 gave 1.8e-2, and 2.5e-2 with one token."""

FP8_GRADIENT = 0.3
"""As GRADIENT, of a model whose products are FP8: E4M3 rounds by 3 % on average, each product
once more, and a gradient goes through all of them. One that is missing differs by 1."""

FP8_LOSS = 0.01
"""Relative difference of losses in training with FP8 products."""

ABSORBED = {torch.float32: 1e-6, torch.bfloat16: 5e-3}
"""As RELATIVE, for absorbed attention against the expanded form in the same dtype."""


PACKED = 1e-6
"""Absolute difference of losses of order 1 and norm of their gradients' difference over the norm of
the reference, in fp32, between packed sequences and one sequence at a time."""

TRL = 1e-6
"""Largest absolute difference of advantages, losses and their gradients, of order 1, from TRL's,
which computes advantages in fp32."""

SHARE = 1e-12
"""Absolute difference of shares of the order of 1, and of intervals around them, in fp64."""


def relative_difference(value: torch.Tensor, reference: torch.Tensor) -> float:
    exact = reference.detach().double()
    return float((value.detach().double() - exact).norm() / exact.norm().clamp(min=1e-30))
