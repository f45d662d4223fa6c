"""Log-probabilities of completions under the model: the one forward that training uses.

B sequences, T time, N packed tokens, M completion tokens of the batch in row order.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.buckets import bucket
from training.model.packing import Packed, pack
from training.model.transformer import Transformer

MtpMode = Literal["off", "joint", "detached"]
"""Whether the layer of multi-token prediction runs, and whether its gradient goes on from it into
states, embedding and head ("joint", as in pretraining) or ends in it ("detached")."""


class CompletionLogprobs(NamedTuple):
    """fp32 [B, T] each, zero outside the completions; the entropy carries no gradient."""

    logprobs_BT: Tensor
    entropy_BT: Tensor
    mtp_BT: Tensor
    """What multi-token prediction gave each completion token from two tokens before: zero where
    there are no two, and everywhere when it is off or the model has none."""


def completion_logprobs(
    model: Transformer,
    tokens_BT: Tensor,
    attention_mask_BT: Tensor,
    completion_mask_BT: Tensor,
    temperature: float = 1.0,
    *,
    mtp: MtpMode = "off",
) -> CompletionLogprobs:
    """Log-probability of each completion token given all that stands before it.

    `completion_mask_BT` is true at the tokens to score (never a sequence's first), and the entry
    [b, t] of the result belongs to the token at [b, t]. Only those positions meet the output head,
    and sequences that begin with the same prompt (all before their first scored token) share its
    computation; both leave the numbers as they are.
    """
    mask_BT, scored_BT = attention_mask_BT.bool(), completion_mask_BT.bool()
    prompt_lengths_B = (mask_BT & (scored_BT.cumsum(1) == 0)).sum(1)
    packed = pack(tokens_BT, mask_BT, prompt_lengths_B)
    hidden_ND = model(packed)
    places_BT = mask_BT.cumsum(1) - 1

    def score(
        states_ND: Tensor, rows_BT: Tensor, where_BT: Tensor, distance: int, frozen: bool
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies [B, T] of the tokens at `where_BT`, by the states so
        many places before them; `rows_BT` are the rows of the states in `states_ND`."""
        before_BT = rows_BT.gather(1, (places_BT - distance).clamp_(min=0))
        rows_M, targets_M = before_BT[where_BT], tokens_BT[where_BT]
        filler = (0, bucket(len(rows_M)) - len(rows_M))
        states_MD = states_ND.index_select(0, F.pad(rows_M, filler))
        logprobs_M, entropy_M = model.head(
            states_MD, F.pad(targets_M, filler), temperature, frozen=frozen
        )
        zeros_BT = torch.zeros(tokens_BT.shape, dtype=torch.float32, device=tokens_BT.device)
        return zeros_BT.masked_scatter(where_BT, logprobs_M), zeros_BT.masked_scatter(
            where_BT, entropy_M
        )

    logprobs_BT, entropy_BT = score(hidden_ND, packed.rows_BT, scored_BT, 1, frozen=False)
    mtp_BT = torch.zeros_like(entropy_BT)
    if model.mtp is not None and mtp != "off":
        detached = mtp == "detached"
        pairs, states_ND = _states_of_pairs(model, packed, hidden_ND, detached)
        where_BT = scored_BT & (places_BT >= 2)
        mtp_BT, _ = score(states_ND, pairs.rows_BT, where_BT, 2, frozen=detached)
    return CompletionLogprobs(logprobs_BT, entropy_BT, mtp_BT)


def _states_of_pairs(
    model: Transformer, packed: Packed, hidden_ND: Tensor, detached: bool
) -> tuple[Packed, Tensor]:
    """What multi-token prediction makes of each state and the token after it."""
    pairs, before_N = packed.after_first()
    if detached:
        hidden_ND = hidden_ND.detach()

    def embedding(tokens_N: Tensor) -> Tensor:
        x_ND = model.embedding(tokens_N)
        return x_ND.detach() if detached else x_ND

    states_ND = model.mtp(
        hidden_ND.index_select(0, before_N),
        pairs.tokens_N,
        model.rope(pairs.positions_N, hidden_ND.dtype),
        pairs.by_head(model.config.num_attention_heads),
        embedding,
    )
    return pairs, states_ND
