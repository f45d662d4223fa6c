"""Log-probabilities of completions under the model: the one forward that training uses.

B sequences, T time, N packed tokens, M completion tokens of the batch in row order.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.buckets import bucket
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
    [b, t] of the result belongs to the token at [b, t]. Only those positions meet the output head,
    and sequences that begin with the same prompt (all before their first scored token) share its
    computation; both leave the numbers as they are.
    """
    mask_BT, scored_BT = attention_mask_BT.bool(), completion_mask_BT.bool()
    prompt_lengths_B = (mask_BT & (scored_BT.cumsum(1) == 0)).sum(1)
    packed = pack(tokens_BT, mask_BT, prompt_lengths_B)
    hidden_ND = model(packed)
    places_BT = mask_BT.cumsum(1) - 1
    before_BT = packed.rows_BT.gather(1, (places_BT - 1).clamp_(min=0))
    rows_M, targets_M = before_BT[scored_BT], tokens_BT[scored_BT]
    count = len(rows_M)
    filler = (0, bucket(count) - count)
    logprobs_M, entropy_M = model.head(
        hidden_ND.index_select(0, F.pad(rows_M, filler)), F.pad(targets_M, filler), temperature
    )
    zeros_BT = torch.zeros(tokens_BT.shape, dtype=torch.float32, device=tokens_BT.device)
    return CompletionLogprobs(
        zeros_BT.masked_scatter(scored_BT, logprobs_M[:count]),
        zeros_BT.masked_scatter(scored_BT, entropy_M[:count]),
    )
