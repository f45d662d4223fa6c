"""Group-relative advantage (DeepSeekMath, arXiv 2402.03300, section 4.1; R1 uses the same).

P prompts, G completions of each. A reward that is NaN is that of a completion nobody could score:
it takes no part in its group's mean and spread, and its advantage is 0.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from training.config import AdvantageScale

EPS = 1e-4


def _alone(values: Tensor) -> Tensor:
    return values


def advantages(
    rewards_PG: Tensor, scale: AdvantageScale, sum_ranks: Callable[[Tensor], Tensor] = _alone
) -> Tensor:
    """Reward less its group's mean, over a standard deviation plus 1e-4; fp32 [P, G].

    The deviation is the group's, with "batch" that of all rewards of the step (`sum_ranks` adds a
    tensor up over the ranks; all call it together), with "none" there is no division. The paper
    writes std without saying of what: this is the sample's (divided by n - 1), as TRL has it.
    A group whose rewards are all alike teaches nothing: exactly 0.
    """
    rewards_PG = rewards_PG.double()
    centred_PG = rewards_PG - rewards_PG.nanmean(dim=1, keepdim=True)
    if scale == "group":
        known_P1 = rewards_PG.isfinite().sum(1, keepdim=True)
        squares_P1 = centred_PG.square().nansum(1, keepdim=True)
        centred_PG = centred_PG / ((squares_P1 / (known_P1 - 1).clamp(min=1)).sqrt() + EPS)
    elif scale == "batch":
        centred_PG = centred_PG / (_spread(rewards_PG, sum_ranks) + EPS)
    silent_PG = is_flat(rewards_PG)[:, None] | rewards_PG.isnan()
    return torch.where(silent_PG, 0.0, centred_PG).float()


def is_flat(rewards_PG: Tensor) -> Tensor:
    """Bool [P]: all completions of the group that could be scored have the same reward, so that
    the group teaches nothing."""
    highest_P = rewards_PG.nan_to_num(nan=-torch.inf).amax(dim=1)
    lowest_P = rewards_PG.nan_to_num(nan=torch.inf).amin(dim=1)
    return highest_P <= lowest_P


def _spread(rewards: Tensor, sum_ranks: Callable[[Tensor], Tensor]) -> Tensor:
    """Standard deviation over all ranks' rewards."""
    known = rewards[rewards.isfinite()]
    total, count = sum_ranks(torch.stack((known.sum(), torch.tensor(len(known)).double())))
    squares = sum_ranks((known - total / count.clamp(min=1)).square().sum())
    return (squares / (count - 1).clamp(min=1)).sqrt()
