"""A padded batch as a flat row of the tokens that count.

Everything but the attention core works on single tokens, so padding is never computed, and a
prefix that several sequences have in common is computed once.

N: packed tokens, B: sequences, T: longest sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packed:
    """Which token of the flat row stands at which place of which sequence."""

    tokens_N: Tensor
    positions_N: Tensor
    rows_BT: Tensor
    """For each place of each right-padded sequence the index of its token in the row."""
    places_N: Tensor
    """For each token of the row one place (b * T + t) that it fills."""

    def unpack(self, x_NX: Tensor) -> Tensor:
        """[N, …] to [B, T, …]; what stands behind a sequence's end is arbitrary."""
        batch, time = self.rows_BT.shape
        return x_NX.index_select(0, self.rows_BT.flatten()).view(batch, time, *x_NX.shape[1:])

    def pack(self, x_BTX: Tensor) -> Tensor:
        """[B, T, …] to [N, …]."""
        return x_BTX.flatten(0, 1).index_select(0, self.places_N)


def pack(tokens_BT: Tensor, mask_BT: Tensor | None = None) -> Packed:
    """Drop the padding, on whichever side it stands; `mask_BT` is true at the tokens that count."""
    if mask_BT is None:
        mask_BT = torch.ones_like(tokens_BT, dtype=torch.bool)
    mask_BT = mask_BT.bool()
    lengths_B = mask_BT.sum(1)
    time = int(lengths_B.max())
    steps_T = torch.arange(time, device=tokens_BT.device)
    valid_BT = steps_T < lengths_B[:, None]
    starts_B = lengths_B.cumsum(0) - lengths_B
    return Packed(
        tokens_N=tokens_BT[mask_BT],
        positions_N=steps_T.expand(len(lengths_B), time)[valid_BT],
        rows_BT=torch.where(valid_BT, starts_B[:, None] + steps_T, 0),
        places_N=valid_BT.flatten().nonzero().squeeze(1),
    )
