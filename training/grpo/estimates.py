"""What the completions of an evaluation say about a policy, and how surely.

Problems are the unit: completions of one problem resemble each other, so k of them tell less than k
problems would. An interval is Wilson's, for the number of independent trials that the spread
between problems stands for (Kish's effective sample size: the variance of a mean of independent
trials, p(1-p)/n, equals the clustered one). With one completion a problem that is Wilson's
interval exactly.

Sources: E. B. Wilson, JASA 22 (1927); L. Kish, Survey Sampling (1965); E. Miller, Adding
Error Bars to Evals (arXiv 2411.00640), for clustered errors; N. Dean, M. Pagano, J. Surv. Stat.
Methodol. 3 (2015), for Wilson with an effective sample size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from math import comb
from statistics import NormalDist
from typing import NamedTuple


def pass_at_k(right: int, total: int, k: int) -> float:
    """Chance that at least one of k completions is right, without bias from `total` of which
    `right` are (Chen et al., arXiv 2107.03374, equation 1); NaN when there are fewer than k."""
    if total < k:
        return math.nan
    return 1 - comb(total - right, k) / comb(total, k)


class Estimate(NamedTuple):
    """Sums over problems, so that ranks can add theirs up."""

    problems: float
    total: float
    """Of the problems' values, each 0 to 1."""
    squares: float
    """Of the values' squares."""
    trials: float
    """Completions behind them: no interval is narrower than that many independent ones give."""

    @classmethod
    def of(cls, values: Iterable[float], trials: int | None = None) -> Estimate:
        """NaN values are left out. `trials` is the number of the problems unless given."""
        known = [value for value in values if not math.isnan(value)]
        squares = math.fsum(value * value for value in known)
        count = len(known) if trials is None else trials
        return cls(len(known), math.fsum(known), squares, count)

    @property
    def mean(self) -> float:
        """NaN without problems."""
        return self.total / self.problems if self.problems else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the mean, for other problems of the same kind."""
        if not self.problems:
            return 0.0, 1.0
        mean = self.mean
        variance = self.squares / self.problems - mean * mean
        trials = self.problems
        if variance > 1e-12:  # else all problems are alike, which says nothing about others
            trials = min(max(trials, trials * mean * (1 - mean) / variance), self.trials)
        return wilson_interval(mean * trials, trials)


def wilson_interval(right: float, total: float) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927)."""
    z = NormalDist().inv_cdf(0.975)
    share = right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = (
        z
        / (1 + z * z / total)
        * math.sqrt(max(0.0, share * (1 - share)) / total + z * z / (4 * total * total))
    )
    return max(0.0, centre - half), min(1.0, centre + half)
