"""A padded batch as a flat row of the tokens that count.

Everything but the attention core works on single tokens, so padding is never computed, and a
prompt that several sequences begin with is computed once. Only the attention core lays the tokens
out by sequence again, by gathering.

N packed tokens, B sequences, T length of their layout, H heads, W = B * H, X features of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kernels.buckets import bucket

TIME_MULTIPLE = 32
"""Sequences are laid out this even for the attention core: a bf16 softmax over whole vectors takes
half the time, and few distinct shapes let the matrix library reuse its plans."""


@dataclass(frozen=True)
class Packed:
    """Which token of the flat row stands at which place of which sequence."""

    count: int
    """Tokens that count. Behind them the row is filled up to a `bucket` with copies, which nobody
    looks at."""
    tokens_N: Tensor
    positions_N: Tensor
    rows_BT: Tensor
    """For each place of each right-padded sequence the index of its token in the row; what
    stands behind a sequence's end is arbitrary."""
    places_N: Tensor
    """For each token of the row the place (b * T + t) of its own, or of which it is a copy."""
    shared_rows: Tensor
    shared_places: Tensor
    """Further places that a token of a shared prompt fills, and the tokens in question."""

    def pick(self, values: Tensor, mask_BT: Tensor) -> Tensor:
        """Values of the tokens of the flat row, [N, …], from those of all tokens that count, one
        sequence after another; `mask_BT` is the one that the batch was packed with."""
        lengths_B, time = mask_BT.sum(1), self.rows_BT.shape[1]
        starts_B = lengths_B.cumsum(0) - lengths_B
        return values[starts_B[self.places_N // time] + self.places_N % time]

    def members(self) -> Tensor:
        """1 where a sequence holds a token, else 0: fp32 [B, count]."""
        batch, time = self.rows_BT.shape
        members_BN = torch.zeros(batch, self.count, device=self.rows_BT.device)
        rows_N = torch.arange(self.count, device=self.rows_BT.device)
        members_BN[self.places_N[: self.count] // time, rows_N] = 1
        members_BN[self.shared_places // time, self.shared_rows] = 1
        return members_BN

    def after_first(self) -> tuple[Packed, Tensor]:
        """The batch without each sequence's first token, and what stood before each that is left.

        Row n of the result follows row `before_N[n]` of this batch, so that states of this batch
        meet the token after them: a shared prompt's last token is met by each completion's first.
        Places and positions count from the second token. Some sequence must have one.
        """
        time = self.rows_BT.shape[1]
        later_N = self.places_N[: self.count] % time > 0
        numbers_N = (later_N.cumsum(0) - 1).clamp_(min=0)
        kept_M = later_N.nonzero().squeeze(1)
        filled_N = kept_M[torch.arange(bucket(len(kept_M)), device=kept_M.device) % len(kept_M)]
        places_N = self.places_N[filled_N] - 1
        shared = self.shared_places % time > 0
        packed = Packed(
            count=len(kept_M),
            tokens_N=self.tokens_N[filled_N],
            positions_N=self.positions_N[filled_N] - 1,
            rows_BT=numbers_N[self.rows_BT.roll(-1, 1)],
            places_N=places_N,
            shared_rows=numbers_N[self.shared_rows[shared]],
            shared_places=self.shared_places[shared] - 1,
        )
        return packed, self.rows_BT.flatten()[places_N]

    def by_head(self, heads: int) -> HeadLayout:
        each_H = torch.arange(heads, device=self.rows_BT.device)
        time = self.rows_BT.shape[1]

        def spread_places(places: Tensor) -> Tensor:
            b, t = places[:, None] // time, places[:, None] % time
            return ((b * heads + each_H) * time + t).flatten()

        return HeadLayout(
            count=self.count,
            heads=heads,
            time=time,
            rows=(self.rows_BT[:, None] * heads + each_H[:, None]).flatten(),
            places=spread_places(self.places_N),
            shared_rows=(self.shared_rows[:, None] * heads + each_H).flatten(),
            shared_places=spread_places(self.shared_places),
        )


@dataclass(frozen=True)
class HeadLayout:
    """`Packed` for tensors that are cut into heads: all indices count heads, [N * H] or [W * T]."""

    count: int
    """Tokens that count, of the N."""
    heads: int
    time: int
    rows: Tensor
    places: Tensor
    shared_rows: Tensor
    shared_places: Tensor

    def unpack(self, x_NHX: Tensor) -> Tensor:
        """[N, H, X] to [W, T, X]; the gradient of what lies behind a sequence's end is dropped."""
        flat: Tensor = _Unpack.apply(x_NHX.flatten(0, 1), self)
        return flat.unflatten(0, (-1, self.time))

    def pack(self, x_WTX: Tensor) -> Tensor:
        """[W, T, X] to [N, H, X]."""
        flat: Tensor = _Pack.apply(x_WTX.flatten(0, 1), self)
        return flat.unflatten(0, (-1, self.heads))


class _Unpack(torch.autograd.Function):
    """A gather whose gradient gathers too: only shared prompts have something to add up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: HeadLayout) -> Tensor:
        ctx.layout = layout
        return x.index_select(0, layout.rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        layout: HeadLayout = ctx.layout
        # The copies at the end hand on a gradient as well; nothing has used what they computed.
        real = layout.count * layout.heads
        d_x = grads[0].index_select(0, layout.places)
        d_x[real:] = 0
        if len(layout.shared_places):
            d_x.index_add_(0, layout.shared_rows, grads[0].index_select(0, layout.shared_places))
        return d_x, None


class _Pack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: HeadLayout) -> Tensor:
        ctx.layout, ctx.length = layout, len(x)
        return x.index_select(0, layout.places)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        layout: HeadLayout = ctx.layout
        real = layout.count * layout.heads
        d_x = grads[0].new_zeros(ctx.length, grads[0].shape[1])
        return d_x.index_copy_(0, layout.places[:real], grads[0][:real]), None


def pack(
    tokens_BT: Tensor, mask_BT: Tensor | None = None, prompt_lengths_B: Tensor | None = None
) -> Packed:
    """Drop the padding, on whichever side it stands; `mask_BT` is true at the tokens that count.

    With `prompt_lengths_B`, sequences whose first so many tokens are the same share them.
    """
    if mask_BT is None:
        mask_BT = torch.ones_like(tokens_BT, dtype=torch.bool)
    lengths_B = mask_BT.sum(1)
    batch, time = len(lengths_B), -(-int(lengths_B.max()) // TIME_MULTIPLE) * TIME_MULTIPLE
    steps_T = torch.arange(time, device=tokens_BT.device)
    valid_BT = steps_T < lengths_B[:, None]
    aligned_BT = tokens_BT.new_zeros(batch, time)
    aligned_BT[valid_BT] = tokens_BT[mask_BT]
    owner_BT = torch.arange(batch, device=tokens_BT.device)[:, None].expand(batch, time)
    if prompt_lengths_B is not None:
        prompt_BT = steps_T < prompt_lengths_B[:, None]
        leader_B = _first_with_same_row(aligned_BT.masked_fill(~prompt_BT, -1))
        owner_BT = torch.where(prompt_BT, leader_B[:, None], owner_BT)
    own_BT = valid_BT & (owner_BT == torch.arange(batch, device=tokens_BT.device)[:, None])
    number_BT = own_BT.flatten().cumsum(0).sub_(1).view(batch, time)
    rows_BT = number_BT.gather(0, owner_BT).masked_fill_(~valid_BT, 0)
    shared_BT = valid_BT & ~own_BT
    places_M = own_BT.flatten().nonzero().squeeze(1)
    count = len(places_M)
    filled_N = torch.arange(bucket(count), device=tokens_BT.device) % max(count, 1)
    return Packed(
        count=count,
        tokens_N=aligned_BT[own_BT][filled_N],
        positions_N=steps_T.expand(batch, time)[own_BT][filled_N],
        rows_BT=rows_BT,
        places_N=places_M[filled_N],
        shared_rows=rows_BT[shared_BT],
        shared_places=shared_BT.flatten().nonzero().squeeze(1),
    )


def prompt_lengths(mask_BT: Tensor, scored_BT: Tensor) -> Tensor:
    """Tokens of each sequence before the first that is scored, [B]."""
    return (mask_BT & (scored_BT.cumsum(1) == 0)).sum(1)


def _first_with_same_row(x_BT: Tensor) -> Tensor:
    """For each row the number of the first row that equals it."""
    distinct, group_B = x_BT.unique(dim=0, return_inverse=True)
    numbers_B = torch.arange(len(x_BT), device=x_BT.device)
    first = numbers_B.new_full((len(distinct),), len(x_BT))
    return first.scatter_reduce_(0, group_B, numbers_B, reduce="amin")[group_B]
