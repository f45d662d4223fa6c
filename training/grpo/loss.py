"""The GRPO loss (DeepSeekMath, arXiv 2402.03300, equations 3 and 4, with R1's clip and KL weight).

B completions, T time.
"""

from __future__ import annotations

import torch
from torch import Tensor


def grpo_loss(
    logprobs_BT: Tensor,
    old_logprobs_BT: Tensor,
    ref_logprobs_BT: Tensor | None,
    advantages_B: Tensor,
    mask_BT: Tensor,
    *,
    clip_eps: float,
    kl_coef: float,
    completions: int,
) -> tuple[Tensor, dict[str, Tensor]]:
    """This part's share of the step's loss, and sums over its tokens.

    Mean over the completions of the mean over their tokens of -min(r A, clip(r) A) + β k3, where
    r = exp(logprob - old) and k3 = exp(ref - logprob) - (ref - logprob) - 1. `completions` counts
    those of the whole step: shares add up to the same loss however the step is cut. Positions
    where `mask_BT` is false may hold anything. Without `ref_logprobs_BT` there is no KL.
    """
    mask_BT = mask_BT.bool()
    advantages_B1 = advantages_B[:, None]
    # Masked before the exponential: what stands in the padding must not overflow into the sum.
    ratio_BT = (logprobs_BT - old_logprobs_BT).where(mask_BT, 0.0).exp()
    clipped_BT = ratio_BT.clamp(1 - clip_eps, 1 + clip_eps)
    loss_BT = -torch.minimum(ratio_BT * advantages_B1, clipped_BT * advantages_B1)
    kl_BT = torch.zeros_like(loss_BT)
    if ref_logprobs_BT is not None:
        towards_ref_BT = (ref_logprobs_BT - logprobs_BT).where(mask_BT, 0.0)
        kl_BT = towards_ref_BT.exp() - towards_ref_BT - 1
        loss_BT = loss_BT + kl_coef * kl_BT
    loss = mean_over_completions(loss_BT, mask_BT, completions)
    clipped = ((ratio_BT > 1 + clip_eps) & (advantages_B1 > 0)) | (
        (ratio_BT < 1 - clip_eps) & (advantages_B1 < 0)
    )
    sums = {
        "loss": loss.detach(),
        "kl": kl_BT.detach().sum(),
        "clipped": (clipped & mask_BT).sum(),
        "tokens": mask_BT.sum(),
    }
    return loss, sums


def mean_over_completions(values_BT: Tensor, mask_BT: Tensor, completions: int) -> Tensor:
    """This part's share of the mean over the step's `completions` of the mean over their tokens,
    which `mask_BT` marks."""
    lengths_B = mask_BT.sum(1).clamp(min=1)
    return (values_BT.where(mask_BT, 0.0).sum(1) / lengths_B).sum() / completions
