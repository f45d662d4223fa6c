"""Reading what sequences begin with: each distinct beginning once, all of them as one packed row.

T tokens of a beginning, N packed tokens, P beginnings, X latent width, D hidden_size,
L sparse layers, K experts of a token.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.model import Transformer
from training.model.experts import Experts
from training.model.packing import pack
from training.rollout.order import Order


@dataclass(frozen=True)
class Beginning:
    """What a prompt leaves behind."""

    length: int
    """Tokens that were read: a prompt, and what had been written after it."""
    caches: list[list[Tensor]]
    """For each cache what its layers keep of the tokens: in our model the latents and rotary keys
    [T, X], normalised and rotated; the guesser's end a token early, since what comes after the
    last is not known yet."""
    hidden_D: Tensor
    """State at the last token, after the last norm."""
    experts_TLK: Tensor | None = None
    """Which experts each token took in each sparse layer, int16; None where there is none."""


Read = Callable[[list[list[int]]], list[Beginning]]


class Waiting:
    """Sequences whose turn has not come. A prompt is read when the first of its group comes."""

    def __init__(self, order: Order, numbers: list[int], read: Read) -> None:
        self._order, self._read = order, read
        self._numbers = deque(numbers)
        self._kept: dict[int, Beginning] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def take(self, count: int) -> list[tuple[Beginning, list[int]]]:
        """The next sequences, up to `count`: each beginning with the numbers of those that share
        it."""
        order, groups = self._order, dict[tuple[int, int | None], list[int]]()
        for _ in range(min(count, len(self._numbers))):
            number = self._numbers.popleft()
            own = number if number in order.carry.begun else None  # a text that nobody shares
            groups.setdefault((number // order.group_size, own), []).append(number)
        new = [key for key in groups if key not in self._kept]
        texts = [order.prompt(groups[key][0]) + self.written(groups[key][0]) for key in new]
        known = self._kept | dict(zip(new, self._read(texts) if new else [], strict=True))
        last = next(reversed(groups))
        self._kept = {last: known[last]}  # more of its group may come
        return [(known[key], numbers) for key, numbers in groups.items()]

    def written(self, number: int) -> list[int]:
        """Tokens that a sequence begins with behind its prompt."""
        begun = self._order.carry.begun.get(number)
        return begun.tokens if begun else []


def read(model: Transformer, texts: list[list[int]]) -> list[Beginning]:
    """What the model, with its multi-token prediction layer if there is one, keeps of `texts`."""
    device, dtype = model.head.weight.device, model.head.weight.dtype
    lengths = [len(text) for text in texts]
    longest = max(lengths)
    tokens_PT = torch.tensor([text + [0] * (longest - len(text)) for text in texts], device=device)
    valid_PT = torch.arange(longest) < torch.tensor(lengths)[:, None]
    packed = pack(tokens_PT, valid_PT.to(device))
    layout = packed.by_head(model.config.num_attention_heads)
    rotation = model.rope(packed.positions_N, dtype)

    def by_text(latents: list[Tensor]) -> tuple[Tensor, ...]:
        return torch.cat(latents, dim=-1)[: packed.count].split(lengths)

    x_ND = model.embedding(packed.tokens_N)
    latents_LP, experts_LNK = [], []
    for block in model.blocks:
        queries, *latents = block.attention.compress(block.attention_norm(x_ND), rotation)
        x_ND = x_ND + block.attention.attend(queries, *latents, layout)
        h_ND = block.feed_forward_norm(x_ND)
        if isinstance(block.feed_forward, Experts):
            chosen = block.feed_forward.router(h_ND)
            experts_LNK.append(chosen[0].short())
            x_ND = x_ND + block.feed_forward.apply_to(h_ND, *chosen)
        else:
            x_ND = x_ND + block.feed_forward(h_ND)
        latents_LP.append(by_text(latents))
    hidden_ND = model.norm(x_ND)
    caches_P = [[list(latents)] for latents in zip(*latents_LP, strict=True)]
    if model.mtp is not None:
        # A text's last token meets another's first here: what comes of it is left out.
        pair_ND = model.mtp.pair(hidden_ND, model.embedding(packed.tokens_N.roll(-1)))
        block = model.mtp.block
        _, *latents = block.attention.compress(block.attention_norm(pair_ND), rotation)
        for caches, latents_TX in zip(caches_P, by_text(latents), strict=True):
            caches.append([latents_TX[:-1]])
    experts_PTLK: Sequence[Tensor | None] = [None] * len(texts)
    if experts_LNK:
        experts_PTLK = torch.stack(experts_LNK, 1)[: packed.count].split(lengths)
    states_PT = hidden_ND[: packed.count].split(lengths)
    return [
        Beginning(length, caches, states_TD[-1], experts_TLK)
        for length, caches, states_TD, experts_TLK in zip(
            lengths, caches_P, states_PT, experts_PTLK, strict=True
        )
    ]
