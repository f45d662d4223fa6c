"""Reading the prompts: each distinct one once, all of them as one packed row.

P prompts, T time of the longest, N packed tokens, B sequences, X latent width, D hidden_size.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.model import Transformer
from training.model.packing import pack


@dataclass(frozen=True)
class Prefilled:
    """What the prompts leave behind."""

    lengths_P: Tensor
    valid_PT: Tensor
    """Which places hold tokens: prompts are aligned to the right."""
    latents_LPTX: list[Tensor]
    """Latents and rotary keys, normalised and rotated, of each layer."""
    mtp_latents_PTX: Tensor | None
    """The same of the multi-token prediction layer, if there is one; the last place, where the
    next token is not known yet, means nothing."""
    hidden_PD: Tensor
    """States at the prompts' last tokens, after the last norm."""

    def layers(self, prompts_B: Tensor) -> Iterator[Tensor]:
        """Latents [B, T, X] of each layer for sequences that go on from these prompts."""
        return (latents_PTX[prompts_B] for latents_PTX in self.latents_LPTX)


def prefill(model: Transformer, prompts: list[list[int]]) -> Prefilled:
    device, dtype = model.head.weight.device, model.head.weight.dtype
    lengths_P = torch.tensor([len(prompt) for prompt in prompts], device=device)
    longest = int(lengths_P.max())
    valid_PT = torch.arange(longest, device=device) >= longest - lengths_P[:, None]
    tokens_PT = torch.zeros(len(prompts), longest, dtype=torch.long, device=device)
    tokens_PT[valid_PT] = torch.tensor(list(itertools.chain(*prompts)), device=device)
    packed = pack(tokens_PT, valid_PT)
    layout = packed.by_head(model.config.num_attention_heads)
    rotation = model.rope(packed.positions_N, dtype)

    def grid(latents: list[Tensor]) -> Tensor:
        latents_NX = torch.cat(latents, dim=-1)
        latents_PTX = latents_NX.new_zeros(*valid_PT.shape, latents_NX.shape[1])
        latents_PTX[valid_PT] = latents_NX[: packed.count]
        return latents_PTX

    x_ND = model.embedding(packed.tokens_N)
    latents_LPTX = []
    for block in model.blocks:
        queries, *latents = block.attention.compress(block.attention_norm(x_ND), rotation)
        x_ND = x_ND + block.attention.attend(queries, *latents, layout)
        x_ND = x_ND + block.feed_forward(block.feed_forward_norm(x_ND))
        latents_LPTX.append(grid(latents))
    hidden_ND, mtp_latents_PTX = model.norm(x_ND), None
    if model.mtp is not None:
        # A prompt's last token meets another's first here; nothing looks at what comes of it.
        pair_ND = model.mtp.pair(hidden_ND, model.embedding(packed.tokens_N.roll(-1)))
        block = model.mtp.block
        _, *latents = block.attention.compress(block.attention_norm(pair_ND), rotation)
        mtp_latents_PTX = grid(latents)
    return Prefilled(
        lengths_P, valid_PT, latents_LPTX, mtp_latents_PTX, hidden_ND[lengths_P.cumsum(0) - 1]
    )
