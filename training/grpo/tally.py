"""Sums and extremes over a step, gathered part by part and rank by rank."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.distributed.process import Process


@dataclass
class Tally:
    """Of one rank's share of a step. All ranks hold the same names."""

    sums: Counter[str] = field(default_factory=Counter)
    most: dict[str, float] = field(default_factory=dict)
    """Of values' least what is noted is the most of their negatives."""

    def add(self, sums: dict[str, Tensor]) -> None:
        """Scalars; all are read at once, for each reading waits for the device."""
        values = torch.stack([value.detach().double() for value in sums.values()]).tolist()
        self.sums.update(dict(zip(sums, values, strict=True)))

    def spread(self, name: str, values: Tensor) -> None:
        """Note the least and the most of `values`."""
        least, most = math.inf, -math.inf
        if values.numel():
            least, most = torch.stack(values.detach().double().aminmax()).tolist()
        self._note(f"{name}_min", -least)
        self._note(f"{name}_max", most)

    def join(self, other: Tally) -> None:
        self.sums.update(other.sums)
        for name, value in other.most.items():
            self._note(name, value)

    def over_ranks(self, process: Process) -> dict[str, float]:
        """The whole step's, on all ranks: sums by their name, extremes as NAME_min and NAME_max;
        no extremes of what had no values."""
        names, extremes = sorted(self.sums), sorted(self.most)
        sums = process.sum(torch.tensor([self.sums[name] for name in names]).double())
        most = process.max(torch.tensor([self.most[name] for name in extremes]).double())
        found = dict(zip(extremes, most.tolist(), strict=True))
        lows = {name: -value for name, value in found.items() if name.endswith("_min")}
        return dict(zip(names, sums.tolist(), strict=True)) | {
            name: value for name, value in (found | lows).items() if math.isfinite(value)
        }

    def _note(self, name: str, value: float) -> None:
        self.most[name] = max(value, self.most.get(name, -math.inf))
