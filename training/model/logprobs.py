"""Log-probabilities of completions under the model: the one forward that training uses.

B sequences, T time, N packed tokens, M completion tokens of the batch in row order.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from training.model.packing import pack
from training.model.transformer import Transformer


class CompletionLogprobs(NamedTuple):
    """fp32 [B, T] each, zero outside the completions; only `logprobs_BT` carries a gradient."""

    logprobs_BT: Tensor
    entropy_BT: Tensor


def completion_logprobs(
    model: Transformer,
    tokens_BT: Tensor,
    attention_mask_BT: Tensor,
    completion_mask_BT: Tensor,
    temperature: float = 1.0,
) -> CompletionLogprobs:
    """Log-probability of each completion token given all that stands before it.

    `completion_mask_BT` is true at the tokens to score (never a sequence's first), and the entry
    [b, t] of the result belongs to the token at [b, t]. Only those positions meet the output head.
    """
    mask_BT = attention_mask_BT.bool()
    packed = pack(tokens_BT, mask_BT)
    hidden_ND = model(packed)
    scored_BT = completion_mask_BT.bool()
    scored_M = scored_BT[mask_BT].nonzero().squeeze(1)
    logprobs_M, entropy_M = model.head(
        hidden_ND.index_select(0, scored_M - 1), tokens_BT[scored_BT], temperature
    )
    zeros_BT = torch.zeros(tokens_BT.shape, dtype=torch.float32, device=tokens_BT.device)
    return CompletionLogprobs(
        zeros_BT.masked_scatter(scored_BT, logprobs_M),
        zeros_BT.masked_scatter(scored_BT, entropy_M),
    )
