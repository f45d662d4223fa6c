"""Sequences packed into the rows of one batch, for transformers' classes.

B sequences, T time, R rows, S length of a row.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from training.chunks import best_fit


class Rows(NamedTuple):
    """Where positions start again at 0 another sequence begins; what is left of a row is one more,
    of tokens that nobody looks at."""

    tokens_RS: Tensor
    positions_RS: Tensor
    places_BT: Tensor
    """Where each token that counts stands, counted through [R, S]; arbitrary at padding."""


def pack_rows(tokens_BT: Tensor, mask_BT: Tensor) -> Rows:
    """Best-fit decreasing into rows as long as the longest sequence. `mask_BT` is true at the
    tokens that count, with padding on either side."""
    lengths_B = mask_BT.sum(1)
    lengths, time = lengths_B.tolist(), int(lengths_B.max())
    rows, starts_B = best_fit(lengths, time), [0] * len(lengths)
    positions_RS = torch.zeros(len(rows), time, dtype=torch.long)
    for row, members in enumerate(rows):
        start = 0
        for member in members:
            starts_B[member] = row * time + start
            positions_RS[row, start : start + lengths[member]] = torch.arange(lengths[member])
            start += lengths[member]
        positions_RS[row, start:] = torch.arange(time - start)
    starts_B1 = torch.tensor(starts_B, device=tokens_BT.device)[:, None]
    places_BT = starts_B1 + (mask_BT.cumsum(1) - 1).clamp_(min=0)
    tokens_RS = tokens_BT.new_zeros(positions_RS.numel())
    tokens_RS[places_BT[mask_BT]] = tokens_BT[mask_BT]
    positions_RS = positions_RS.to(tokens_BT.device)
    return Rows(tokens_RS.view_as(positions_RS), positions_RS, places_BT)
