"""The run's own rewards of an answer, computed beside the sampling of others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cached_property
from typing import Any

from training.config import RewardConfig, TaskConfig
from training.rewards import Candidate, Reward, RewardError, RewardPool
from training.tasks import Problem

ALONE = ("format", "tag_count", "language", "repetition", "overlong")
"""Parts that a text has by itself, whatever the right answer is."""

Told = Callable[[list[dict[str, Any]]], None]


class Scoring:
    """Scores in a thread of its own, whose processes start with the first answer that is scored."""

    def __init__(self, task: TaskConfig, config: RewardConfig) -> None:
        self._task = task
        self._config = config.model_copy(update={"model": None, "judge": None, "workers": 1})
        self.elsewhere = [name for name in config.weights if name not in self._config.weights]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self._jobs = 0

    def score(
        self, problem: Problem, candidates: list[Candidate], *, known: bool, told: Told
    ) -> None:
        """Have `told` called with the rewards, in the order of the candidates. `known`: whether the
        problem has an answer; without one a part of the parts is all that can be told."""
        self._jobs += 1
        self._thread.submit(self._work, self._jobs, problem, candidates, known, told)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        if "_pool" in vars(self):
            self._pool.close()

    @cached_property
    def _pool(self) -> RewardPool:
        return RewardPool(self._task, self._config)

    def _work(
        self, key: int, problem: Problem, candidates: list[Candidate], known: bool, told: Told
    ) -> None:
        only = None if known else [name for name in self._config.weights if name in ALONE]
        try:
            self._pool.submit(key, problem, candidates, only=only)
            rewards = self._pool.collect([key])[key]
        except RewardError as error:
            told([{"error": str(error)}] * len(candidates))
        else:
            told([self._as_told(reward, known) for reward in rewards])

    def _as_told(self, reward: Reward, known: bool) -> dict[str, Any]:
        """A total is told only where no part of it is missing."""
        whole = known and not self.elsewhere
        missing = [name for name in self._config.weights if name not in reward.parts]
        return {
            **asdict(reward),
            "total": reward.total if whole else None,
            "left_out": [*missing, *self.elsewhere],
        }
