"""From the losses of tokens to the loss of a step, the same however the step is cut.

B completions, T time.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from training.config import Aggregation


@dataclass(frozen=True)
class Whole:
    """The step over all ranks and microbatches: what each part's share is a share of."""

    completions: int
    tokens: int
    """Of the completions, those that count in the loss."""
    longest: int
    """Most tokens that a completion of this step may have."""


def aggregate(values_BT: Tensor, mask_BT: Tensor, how: Aggregation, whole: Whole) -> Tensor:
    """This part's share of the step's value. Shares of all parts add up to

    - sequence: the mean over completions of the mean over their tokens (DeepSeekMath),
    - token: the mean over all tokens (DAPO, arXiv 2503.14476),
    - constant: the sum over completions × longest (Dr. GRPO, arXiv 2503.20783).

    Positions where `mask_BT` is false may hold anything. A completion without a token adds nothing
    and still counts as one.
    """
    sums_B = values_BT.where(mask_BT, 0.0).sum(1)
    match how:
        case "sequence":
            return (sums_B / mask_BT.sum(1).clamp(min=1)).sum() / whole.completions
        case "token":
            return sums_B.sum() / max(1, whole.tokens)
        case "constant":
            return sums_B.sum() / (whole.completions * whole.longest)
