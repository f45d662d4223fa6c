"""Group-relative advantage (DeepSeekMath, arXiv 2402.03300, section 4.1; R1 uses the same).

P prompts, G completions of each.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPS = 1e-4


def group_advantages(rewards_PG: Tensor) -> Tensor:
    """(reward - mean) / (std + 1e-4) within each group; [P, G] in, fp32 [P, G] out.

    The paper writes std without saying of what: this is the sample's (divided by G - 1), as TRL
    has it. A group whose rewards are all alike teaches nothing: exactly 0.
    """
    rewards_PG = rewards_PG.double()
    centred_PG = rewards_PG - rewards_PG.mean(dim=1, keepdim=True)
    advantages_PG = centred_PG / (rewards_PG.std(dim=1, keepdim=True) + EPS)
    return torch.where(is_flat(rewards_PG)[:, None], 0.0, advantages_PG).float()


def is_flat(rewards_PG: Tensor) -> Tensor:
    """Bool [P]: all completions of the group have the same reward."""
    return rewards_PG.amax(dim=1) == rewards_PG.amin(dim=1)
