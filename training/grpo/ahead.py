"""Collections in order, some of them sampled while the ranks train on those before.

With a staleness of k, collection n + k is sampled from the policy as it is when training on
collection n begins: always, however fast sampling and training are, so that runs repeat. With 0
nothing is sampled ahead, and the policy itself is sampled from.
"""

from __future__ import annotations

import copy
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from training.grpo.collect import Collection, Collector, Cursor
from training.model import Policy
from training.rollout import MakeSampler


@dataclass(frozen=True)
class Stock:
    """What a checkpoint keeps of one rank's collecting."""

    cursor: Cursor = field(default_factory=Cursor)
    ready: tuple[Collection, ...] = ()
    """Sampled, and not trained on yet."""


class Ahead:
    """Hands out one rank's collections: `take` one, then `sample` the one that is due."""

    def __init__(
        self,
        collector: Collector,
        policy: Policy,
        make_sampler: MakeSampler,
        staleness: int,
        stock: Stock,
    ) -> None:
        self._collector, self._policy, self._make_sampler = collector, policy, make_sampler
        self._staleness = staleness
        self._cursor, self._ready = stock.cursor, deque(stock.ready)
        self._coming: deque[Future[Collection]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sampling-ahead")

    def take(self, policy_version: int, task_state: dict[str, Any]) -> Collection:
        """The collection to train on now, by a policy that has seen `policy_version` steps."""
        while len(self._ready) + len(self._coming) < max(1, self._staleness):
            self.sample(policy_version, task_state)
        return self._ready.popleft() if self._ready else self._coming.popleft().result()

    def give_back(self, collection: Collection) -> None:
        """It was not trained on after all."""
        self._ready.appendleft(collection)

    def sample(self, policy_version: int, task_state: dict[str, Any]) -> None:
        """Begin the next collection that is to be sampled from the policy as it is now."""
        if self._staleness == 0:
            self._ready.append(self._collect(self._policy, policy_version, task_state))
        else:
            frozen = copy.deepcopy(self._policy).eval().requires_grad_(False)
            work = (self._collect, frozen, policy_version, task_state)
            self._coming.append(self._thread.submit(*work))

    def stock(self) -> Stock:
        """Wait for what is being sampled."""
        while self._coming:
            self._ready.append(self._coming.popleft().result())
        return Stock(self._cursor, tuple(self._ready))

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _collect(
        self, policy: Policy, policy_version: int, task_state: dict[str, Any]
    ) -> Collection:
        self._collector.task.restore(task_state)
        sampler = self._make_sampler(policy, policy_version)
        collection, self._cursor = self._collector.collect(sampler, self._cursor, policy_version)
        return collection
