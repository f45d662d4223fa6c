"""The CPU decoder's cache: latents and rotary keys of a batch, column by column.

All sequences write the same columns. What a column holds for one of them may be hidden: the
padding before a short prompt, or a drafted token that was rejected. Positions travel inside the
rotary keys, so holes change nothing.

B sequences, T columns, X latent width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

COLUMN_STEP = 32
"""The cache grows by so many columns: batched products like whole, unsliced blocks, and a bf16
softmax over whole vectors takes a third of the time."""


class LatentCache:
    """Latents and rotary keys of some layers, with room for the next columns."""

    compact_share = 0.125
    """Rows are dropped when so many have ended: earlier, copying costs more than they do."""

    def __init__(self, layers: Iterable[Tensor], valid_BT: Tensor) -> None:
        """`layers` hold the prompts [B, T, X], aligned to the right; `valid_BT` tells them from
        padding."""
        self.layers = list(layers)
        mask_BT = self.layers[0].new_zeros(valid_BT.shape).masked_fill_(~valid_BT, -torch.inf)
        self.mask_B1T = mask_BT[:, None]
        self.columns = valid_BT.shape[1]
        self._make_room()

    def open(self, count: int) -> None:
        """Make the next `count` columns the newest ones."""
        self.columns += count
        self._make_room()
        self.mask_B1T[..., self.columns - count : self.columns] = 0

    def hide_newest(self, rows_B: Tensor) -> None:
        """Take the newest column away from the sequences where `rows_B` is true."""
        self.mask_B1T[:, 0, self.columns - 1].masked_fill_(rows_B, -torch.inf)

    def keep(self, rows: Tensor) -> None:
        """Drop all sequences but those with these numbers."""
        self.layers = [layer_BTX.index_select(0, rows) for layer_BTX in self.layers]
        self.mask_B1T = self.mask_B1T.index_select(0, rows)

    def run(self, step: Callable[..., Any], *inputs: Tensor) -> Any:
        return step(*inputs, self)

    def _make_room(self) -> None:
        room = -(-self.columns // COLUMN_STEP) * COLUMN_STEP - self.mask_B1T.shape[2]
        if room > 0:
            self.layers = [F.pad(layer_BTX, (0, 0, 0, room)) for layer_BTX in self.layers]
            self.mask_B1T = F.pad(self.mask_B1T, (0, room), value=-torch.inf)
