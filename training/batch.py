"""Token lists of different lengths as one padded batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Right-padded sequences, B by T; masks are bool, true where a token counts."""

    tokens_BT: Tensor
    mask_BT: Tensor
    completion_BT: Tensor
    """True at the tokens to learn: those of the completion."""


def make_batch(
    prompts: list[list[int]], completions: list[list[int]], device: torch.device
) -> Batch:
    """One row for each prompt with its completion."""
    rows = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
    lengths_B1 = torch.tensor([[len(row)] for row in rows])
    starts_B1 = torch.tensor([[len(prompt)] for prompt in prompts])
    longest = int(lengths_B1.max())
    places_T = torch.arange(longest)
    tokens_BT = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask_BT = places_T < lengths_B1
    completion_BT = mask_BT & (places_T >= starts_B1)
    return Batch(tokens_BT.to(device), mask_BT.to(device), completion_BT.to(device))
