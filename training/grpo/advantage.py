"""Group-relative advantage (DeepSeekMath, arXiv 2402.03300, section 4.1; R1 uses the same).

P prompts, G completions of each. A reward that is NaN is that of a completion nobody could score:
it takes no part in its group's mean and spread, and its advantage is 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.config import AdvantageScale

EPS = 1e-4


def advantages(rewards_PG: Tensor, scale: AdvantageScale) -> Tensor:
    """Reward less its group's mean, over a standard deviation plus 1e-4; fp32 [P, G].

    The deviation is the group's, with "batch" that of all rewards, so of a whole step's, with
    "none" there is no division. The paper writes std without saying of what: this is the sample's
    (divided by n - 1), as TRL has it. A group whose rewards are all alike teaches nothing: exactly
    0.
    """
    rewards_PG = rewards_PG.double()
    centred_PG = rewards_PG - rewards_PG.nanmean(dim=1, keepdim=True)
    if scale == "group":
        known_P1 = rewards_PG.isfinite().sum(1, keepdim=True)
        squares_P1 = centred_PG.square().nansum(1, keepdim=True)
        centred_PG = centred_PG / ((squares_P1 / (known_P1 - 1).clamp(min=1)).sqrt() + EPS)
    elif scale == "batch":
        centred_PG = centred_PG / (_spread(rewards_PG) + EPS)
    silent_PG = is_flat(rewards_PG)[:, None] | rewards_PG.isnan()
    return torch.where(silent_PG, 0.0, centred_PG).float()


def is_flat(rewards_PG: Tensor) -> Tensor:
    """Bool [P]: all completions of the group that could be scored have the same reward, so that
    the group teaches nothing."""
    highest_P = rewards_PG.nan_to_num(nan=-torch.inf).amax(dim=1)
    lowest_P = rewards_PG.nan_to_num(nan=torch.inf).amin(dim=1)
    return highest_P <= lowest_P


def _spread(rewards: Tensor) -> Tensor:
    """Standard deviation of those that are known; 0 of fewer than two."""
    known = rewards[rewards.isfinite()]
    squares = (known - known.mean()).square().sum()
    return (squares / max(1, len(known) - 1)).sqrt()
