"""Curricula: what is asked next follows from how the last problems went.

A curriculum's state changes in `observe` alone, which every rank calls with the same measurements
in the same order, and it is plain JSON: so all ranks go on alike, and so does a resumed run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from math import fsum
from typing import Any

from training.config import LevelsConfig, PassRatesConfig
from training.tasks.problem import number_of

ASKED_AGAIN = 4
"""A problem outside the window is still asked in one of so many turns: what was too hard may have
become possible."""


class Curriculum(ABC):
    """Keyed measurements in, a state out."""

    @abstractmethod
    def observe(self, measured: Iterable[tuple[Any, float]]) -> None:
        """Pass rates in order, each with the key it belongs to."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that `observe` has changed, as plain JSON."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state()`."""

    @abstractmethod
    def metrics(self) -> dict[str, float]:
        """Where it stands."""


class Levels(Curriculum):
    """One difficulty for all problems; a key is the level that a problem was drawn at.

    After `window` problems of the present level their mean pass rate decides: a level up at
    `raise_above` and more, down at `lower_below` and less. Then the counting begins anew, whether
    it moved or not. Problems of other levels, drawn before the last change, do not count.
    """

    def __init__(self, config: LevelsConfig, levels: range, first: int) -> None:
        self._config, self.range = config, levels
        self.level = first
        self._rates: list[float] = []
        self._last: float | None = None

    def observe(self, measured: Iterable[tuple[int | None, float]]) -> None:
        counted = []
        for level, rate in measured:
            if level != self.level:
                continue
            counted.append(rate)
            self._rates.append(rate)
            if len(self._rates) == self._config.window:
                self._decide()
        self._last = mean(counted) if counted else self._last

    def _decide(self) -> None:
        found = mean(self._rates)
        if found >= self._config.raise_above:
            self.level = min(self.level + 1, self.range[-1])
        elif found <= self._config.lower_below:
            self.level = max(self.level - 1, self.range[0])
        self._rates = []

    def state(self) -> dict[str, Any]:
        return {"level": self.level, "rates": list(self._rates), "last": self._last}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.level, self._last = state["level"], state["last"]
        self._rates = list(state["rates"])

    def metrics(self) -> dict[str, float]:
        found = {"task/level": float(self.level)}
        return found if self._last is None else found | {"task/pass_rate": self._last}


class PassRates(Curriculum):
    """Which problems, or which parts of a mixture, are worth asking; a key is the name of one.

    Of each the pass rate is kept: the first one measured, then half the old and half the new. Worth
    asking is what was never measured, and what lies in the window.
    """

    def __init__(self, config: PassRatesConfig) -> None:
        self._config = config
        self._rates: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def wants(self, key: str, turn: int) -> bool:
        """Whether to ask it when it comes up for the `turn`-th time."""
        rate = self._rates.get(key)
        if rate is None or self._in_window(rate):
            return True
        return (turn + number_of(key)) % ASKED_AGAIN == 0

    def observe(self, measured: Iterable[tuple[str, float]]) -> None:
        found = list(measured)
        for key, rate in found:
            self._rates[key] = (self._rates.get(key, rate) + rate) / 2
        rates = [rate for _, rate in found]
        if rates:
            inside = sum(map(self._in_window, rates)) / len(rates)
            self._last = {"task/pass_rate": mean(rates), "task/in_window": inside}

    def state(self) -> dict[str, Any]:
        return {"rates": dict(self._rates), "last": dict(self._last)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._rates, self._last = dict(state["rates"]), dict(state["last"])

    def metrics(self) -> dict[str, float]:
        return dict(self._last)

    def _in_window(self, rate: float) -> bool:
        return self._config.at_least <= rate <= self._config.at_most


def mean(rates: list[float]) -> float:
    """The same whatever the order."""
    return fsum(rates) / len(rates)
