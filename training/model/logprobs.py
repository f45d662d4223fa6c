"""Log-probabilities of completions under the model: the one forward that training uses.

B sequences, T time, N packed tokens, M completion tokens of the batch in row order,
L sparse layers, K experts of a token.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.buckets import bucket
from training.model.balance import SequenceBalance
from training.model.packing import Packed, pack, prompt_lengths
from training.model.transformer import Transformer

MtpMode = Literal["off", "joint", "detached"]
"""Whether the layer of multi-token prediction runs, and whether its gradient goes on from it into
states, embedding and head ("joint", as in pretraining) or ends in it ("detached")."""


class CompletionLogprobs(NamedTuple):
    """fp32; [B, T] are zero outside the completions. The entropy carries no gradient."""

    logprobs_BT: Tensor
    entropy_BT: Tensor
    mtp_BT: Tensor | None = None
    """What multi-token prediction gave each completion token from two tokens before, zero where
    there are no two. None when it is off or the model has no such layer."""
    balance_B: Tensor | None = None
    """Each sequence's balance loss, summed over the layers; None when not asked for."""


def completion_logprobs(
    model: Transformer,
    tokens_BT: Tensor,
    attention_mask_BT: Tensor,
    completion_mask_BT: Tensor,
    temperature: float = 1.0,
    *,
    mtp: MtpMode = "off",
    balance: bool = False,
    experts_BTLK: Tensor | None = None,
) -> CompletionLogprobs:
    """Log-probability of each completion token given all that stands before it.

    `completion_mask_BT` is true at the tokens to score (never a sequence's first), and the entry
    [b, t] of the result belongs to the token at [b, t]. Only those positions meet the output head,
    and sequences that begin with the same prompt (all before their first scored token) share its
    computation; both leave the numbers as they are. `experts_BTLK` are the experts each token takes
    in each sparse layer (routing replay), -1 where it chooses for itself; a shared prompt takes
    those of the first sequence that has it.
    """
    mask_BT, scored_BT = attention_mask_BT.bool(), completion_mask_BT.bool()
    places_BT = mask_BT.cumsum(1) - 1
    packed = pack(tokens_BT, mask_BT, prompt_lengths(mask_BT, scored_BT))

    def score(
        hidden_ND: Tensor, rows_BT: Tensor, where_BT: Tensor, ahead: int, *, frozen: bool = False
    ) -> list[Tensor]:
        """Log-probabilities and entropies [B, T] of the tokens at `where_BT`, by the states so
        many places before them; `rows_BT` tells where in `hidden_ND` a place's state is."""
        before_BT = rows_BT.gather(1, (places_BT - ahead).clamp_(min=0))
        rows_M, targets_M = before_BT[where_BT], tokens_BT[where_BT]
        filler = (0, bucket(len(rows_M)) - len(rows_M))
        hidden_MD = hidden_ND.index_select(0, F.pad(rows_M, filler))
        found = model.head(hidden_MD, F.pad(targets_M, filler), temperature, frozen=frozen)
        zeros_BT = torch.zeros(tokens_BT.shape, dtype=torch.float32, device=tokens_BT.device)
        return [zeros_BT.masked_scatter(where_BT, values_M) for values_M in found]

    trunk_balance = SequenceBalance(packed) if balance else None
    replayed_NLK = None if experts_BTLK is None else packed.pick(experts_BTLK[mask_BT], mask_BT)
    hidden_ND = model(packed, balance=trunk_balance, replayed_NLK=replayed_NLK)
    logprobs_BT, entropy_BT = score(hidden_ND, packed.rows_BT, scored_BT, ahead=1)
    balance_B = trunk_balance.loss_B if trunk_balance else None
    if model.mtp is None or mtp == "off":
        return CompletionLogprobs(logprobs_BT, entropy_BT, None, balance_B)

    detached = mtp == "detached"
    pairs, before_N = packed.after_first()
    pairs_balance = SequenceBalance(pairs) if balance else None
    before_ND = (hidden_ND.detach() if detached else hidden_ND).index_select(0, before_N)
    states_ND = _look_ahead(model, before_ND, pairs, pairs_balance, detached)
    two_before_BT = scored_BT & (places_BT >= 2)
    mtp_BT, _ = score(states_ND, pairs.rows_BT, two_before_BT, ahead=2, frozen=detached)
    if pairs_balance:
        balance_B = balance_B + pairs_balance.loss_B
    return CompletionLogprobs(logprobs_BT, entropy_BT, mtp_BT, balance_B)


def _look_ahead(
    model: Transformer,
    before_ND: Tensor,
    pairs: Packed,
    balance: SequenceBalance | None,
    detached: bool,
) -> Tensor:
    """What multi-token prediction makes of the states and the tokens after them, `pairs`."""

    def embedding(tokens_N: Tensor) -> Tensor:
        x_ND = model.embedding(tokens_N)
        return x_ND.detach() if detached else x_ND

    rotation = model.rope(pairs.positions_N, before_ND.dtype)
    layout = pairs.by_head(model.config.num_attention_heads)
    return model.mtp(before_ND, pairs.tokens_N, rotation, layout, embedding, balance)
