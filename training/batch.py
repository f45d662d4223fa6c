"""Token lists of different lengths as one padded batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Experts = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Batch:
    """Right-padded sequences, B by T; masks are bool, true where a token counts."""

    tokens_BT: Tensor
    mask_BT: Tensor
    completion_BT: Tensor
    """True at the tokens to learn: those of the completion."""
    experts_BTLK: Tensor | None = None
    """Experts that each token took in each of the L sparse layers when it was sampled, int16, -1
    where that is not known. None: each chooses for itself."""

    def part(self, rows: list[int], longest: int) -> Batch:
        """Some of the rows, without the columns from `longest` on, which none of them needs."""
        experts_BTLK = None if self.experts_BTLK is None else self.experts_BTLK[rows, :longest]
        return Batch(
            self.tokens_BT[rows, :longest],
            self.mask_BT[rows, :longest],
            self.completion_BT[rows, :longest],
            experts_BTLK,
        )


def make_batch(
    prompts: list[list[int]],
    completions: list[list[int]],
    device: torch.device,
    experts: list[Experts] | None = None,
) -> Batch:
    """One row for each prompt with its completion; `experts` [tokens, L, K] of each row's first
    tokens."""
    rows = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
    lengths_B1 = torch.tensor([[len(row)] for row in rows])
    starts_B1 = torch.tensor([[len(prompt)] for prompt in prompts])
    longest = int(lengths_B1.max())
    places_T = torch.arange(longest)
    tokens_BT = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask_BT = places_T < lengths_B1
    completion_BT = mask_BT & (places_T >= starts_B1)
    experts_BTLK = None
    if experts:
        experts_BTLK = torch.full(
            (len(rows), longest, *experts[0].shape[1:]), -1, dtype=torch.int16
        )
        for row_TLK, known in zip(experts_BTLK, experts, strict=True):
            row_TLK[: len(known)] = torch.from_numpy(known)
        experts_BTLK = experts_BTLK.to(device)
    return Batch(tokens_BT.to(device), mask_BT.to(device), completion_BT.to(device), experts_BTLK)
