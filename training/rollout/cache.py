"""The CPU decoder's cache: latents and rotary keys of a batch, column by column.

All sequences write the same columns. What a column holds for one of them may be hidden: what stood
there before it began, or a drafted token that was rejected. Positions travel inside the rotary
keys, so holes change nothing, and a sequence may begin at any column: its prompt is laid into those
before.

B rows, T columns, X latent width.
"""

from __future__ import annotations

from collections.abc import Callable
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

    def __init__(self, rows: int, layers: int, width: int, like: Tensor) -> None:
        """Empty, in the dtype of `like`."""
        self.layers = [like.new_zeros(rows, 0, width) for _ in range(layers)]
        self.mask_B1T = like.new_zeros(rows, 1, 0)
        self.columns = 0
        self.chosen: list[Tensor] = []
        """Experts [N, K] that the newest tokens took, of each sparse layer."""

    def place(self, groups: list[tuple[list[Tensor], Tensor]]) -> None:
        """Begin sequences anew: for each group what the layers keep of its prompt [T, X], and its
        rows."""
        longest = max(latents[0].shape[0] for latents, _ in groups)
        if longest > self.columns:
            self._resize(longest - self.columns)
        for latents, rows in groups:
            newest = slice(self.columns - len(latents[0]), self.columns)
            for cache_BTX, latents_TX in zip(self.layers, latents, strict=True):
                cache_BTX[rows, newest] = latents_TX
            self.mask_B1T[rows] = -torch.inf
            self.mask_B1T[rows, 0, newest] = 0

    def open(self, count: int) -> None:
        """Make the next `count` columns the newest ones."""
        self.columns += count
        if self.columns > self.mask_B1T.shape[2]:
            self._resize(-self._unused())
        self.mask_B1T[..., self.columns - count : self.columns] = 0

    def hide_newest(self, rows_B: Tensor) -> None:
        """Take the newest column away from the sequences where `rows_B` is true."""
        self.mask_B1T[:, 0, self.columns - 1].masked_fill_(rows_B, -torch.inf)

    def end(self, rows_B: Tensor) -> None:
        """Forget the sequences where `rows_B` is true; their rows stay."""
        self.mask_B1T.masked_fill_(rows_B[:, None, None], -torch.inf)

    def keep(self, rows: Tensor) -> None:
        """Drop all sequences but those with these numbers."""
        self.layers = [layer_BTX.index_select(0, rows) for layer_BTX in self.layers]
        self.mask_B1T = self.mask_B1T.index_select(0, rows)

    def run(self, step: Callable[..., Any], *inputs: Tensor) -> Any:
        return step(*inputs, self)

    def _unused(self) -> int:
        """Columns at the start that no sequence sees any more."""
        seen_T = (self.mask_B1T == 0).any(0).flatten()
        return int(seen_T.int().argmax()) if bool(seen_T.any()) else len(seen_T)

    def _resize(self, more: int) -> None:
        """Put `more` columns before the first (take them away if negative), and get room for
        `columns` and some."""
        self.columns += more
        room = -(-self.columns // COLUMN_STEP) * COLUMN_STEP - self.mask_B1T.shape[2] - more
        self.layers = [F.pad(layer_BTX, (0, 0, more, room)) for layer_BTX in self.layers]
        self.mask_B1T = F.pad(self.mask_B1T, (more, room), value=-torch.inf)
