"""Sequences being written: which of them still run, what is drawn, where it goes.

B sequences that still run, A all sequences, S steps, P prompts, D hidden_size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.rollout.decoder import Cache, Decoder
from training.rollout.engine import Sampling
from training.rollout.sampling import DRAW, draw, noise

ROW_MULTIPLE = 16
"""Rows of a matrix tile: fewer than these cost the same, and few distinct batch sizes let the
matrix library reuse its plans."""


@dataclass(frozen=True)
class Order:
    """How tokens are to be drawn, and where they are put."""

    sampling: Sampling
    eos_id: int | None
    keys_A: Tensor
    """What the noise of each sequence follows from."""
    tokens_SA: Tensor
    logprobs_SA: Tensor
    """Results; what stands behind a sequence's end means nothing."""

    def noise(self, ids_B: Tensor, tokens_B: Tensor | int, use: int = DRAW) -> Tensor:
        """Uniform numbers [B] for the `tokens_B`-th tokens of these sequences."""
        return noise(self.keys_A[ids_B], tokens_B, use)

    def ends(self, tokens_B: Tensor) -> Tensor:
        """Which of these end their sequences."""
        if self.eos_id is None:
            return torch.zeros_like(tokens_B, dtype=torch.bool)
        return tokens_B == self.eos_id


@dataclass
class Running:
    """The sequences still being written; `ids_B` are their columns in the result."""

    ids_B: Tensor
    alive_B: Tensor
    positions_B: Tensor
    """Where the next token will stand."""
    caches: list[Cache]

    def drop(self, ended_B: Tensor) -> Tensor | None:
        """Take note of ended sequences, and drop some rows when enough have ended: then the
        numbers of those that stay are returned."""
        self.alive_B &= ~ended_B
        alive, batch = int(self.alive_B.sum()), len(self.alive_B)
        kept = -(-alive // ROW_MULTIPLE) * ROW_MULTIPLE
        if alive == 0 or kept > (1 - self.caches[0].compact_share) * batch:
            return None
        rows = self.alive_B.sort(descending=True, stable=True).indices[:kept]
        self.ids_B, self.alive_B = self.ids_B[rows], self.alive_B[rows]
        self.positions_B = self.positions_B[rows]
        for cache in self.caches:
            cache.keep(rows)
        return rows


def write(decoder: Decoder, running: Running, hidden_BD: Tensor, order: Order) -> None:
    """A token at a time for all sequences, given the states at their prompts' ends."""
    (cache,) = running.caches
    logits, sampling = decoder.model.logits, order.sampling
    settings = (sampling.temperature, sampling.top_p)

    def read_and_draw(
        tokens_B1: Tensor, positions_B1: Tensor, noise_B: Tensor, cache: Any
    ) -> tuple[Tensor, Tensor]:
        """The whole of a step, from a token to the next: on a GPU one graph."""
        return draw(logits(decoder.read(tokens_B1, positions_B1, cache)), noise_B, *settings)

    drawn = draw(logits(hidden_BD), order.noise(running.ids_B, 0), *settings)
    for step in range(sampling.max_new_tokens):
        tokens_B, logprobs_B = drawn
        order.tokens_SA[step, running.ids_B] = tokens_B
        order.logprobs_SA[step, running.ids_B] = logprobs_B
        if step + 1 == sampling.max_new_tokens:
            return
        if order.eos_id is not None:
            rows = running.drop(order.ends(tokens_B))
            if rows is not None:
                tokens_B = tokens_B[rows]
            elif not bool(running.alive_B.any()):
                return
        noise_B = order.noise(running.ids_B, step + 1)
        newest = (tokens_B[:, None], running.positions_B[:, None])
        drawn = cache.run(read_and_draw, *newest, noise_B)
        running.positions_B += 1
