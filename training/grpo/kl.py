"""The KL to the reference policy, estimated token by token."""

from __future__ import annotations

from torch import Tensor

from training.grpo.ratio import safe_exp


def k3(logprobs_BT: Tensor, ref_logprobs_BT: Tensor) -> Tensor:
    """e^d - d - 1 with d = ref - logprob: never negative, and on average the KL
    (DeepSeekMath, arXiv 2402.03300, equation 4; Schulman 2020, “Approximating KL divergence”).

    A token that the reference holds for likely and the policy has all but given up makes e^d
    overflow; `safe_exp` keeps its gradient finite, towards the reference.
    """
    towards_ref_BT = ref_logprobs_BT - logprobs_BT
    return safe_exp(towards_ref_BT) - towards_ref_BT - 1
