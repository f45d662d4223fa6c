"""Scores completions in processes that can be killed, while sampling goes on.

A thread for each worker takes jobs from one queue. A job is one prompt's completions, sent in one
message. When a rule outlasts `reward.timeout_s`, or ends its process, the worker is replaced, that
rule's parts of that one completion become errors, and the rest of the job goes back into the queue
in single pieces, so that any worker may go on with them. What a completion gets does not depend on
how many workers there are, nor on which of them had it.
"""

from __future__ import annotations

import json
import logging
import pickle
import threading
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Self

from training.config import RewardConfig, TaskConfig
from training.rewards.entry import Entry, grade_by_model
from training.rewards.judge import Judge
from training.rewards.process import WorkerLostError, WorkerProcess
from training.rewards.reward import Candidate, Grader, Reward, RewardError, Scores
from training.rewards.rules import parts_of
from training.tasks import Problem

logger = logging.getLogger(__name__)

_LOSSES_ALLOWED = 3
"""How often a job may lose its worker while none of its rules runs, before the run is failed."""


@dataclass(frozen=True)
class _Piece:
    """One completion of a job."""

    place: int
    """Among the completions submitted under the key."""
    candidate: Candidate
    failed: dict[str, str] = field(default_factory=dict)
    """Rules that are not to be tried again, with the reason."""


@dataclass(frozen=True)
class _Job:
    key: Hashable
    problem: Problem
    pieces: list[_Piece]
    only: Collection[str] | None
    losses: int = 0

    def encoded(self) -> bytes:
        items = [(piece.candidate, piece.failed) for piece in self.pieces]
        return pickle.dumps((self.problem, items, self.only))


class RewardPool:
    """`submit` as completions arrive, `collect` when all are there, `close` at the end."""

    def __init__(self, task: TaskConfig, config: RewardConfig, model: Grader | None = None) -> None:
        """Start the workers. `model` computes the part of that name, within `collect`; it is there
        exactly when the config has one.

        Raises RewardError when they, or the judge, cannot do their work.
        """
        self._task, self._config, self._model = task, config, model
        self._judge = Judge(config.judge) if config.judge else None
        self._rules = list(parts_of(config))
        self._weights = config.weights
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._entries: dict[Hashable, Entry] = {}
        self._changed = threading.Condition()
        self._failure: Exception | None = None
        self._closing = threading.Event()
        self._workers = [self._new_worker() for _ in range(config.workers)]
        try:
            for worker in self._workers:
                worker.wait_ready()
        except RewardError:
            for worker in self._workers:
                worker.kill()
            raise
        # Daemons: a trainer that fails may end without closing the pool, and its workers with it.
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), daemon=True)
            for number in range(config.workers)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self,
        key: Hashable,
        problem: Problem,
        candidates: list[Candidate],
        *,
        only: Collection[str] | None = None,
    ) -> None:
        """Have completions of one problem scored; returns at once. Any thread may call.

        Args:
            key: what `collect` gives the rewards under; not one that waits to be collected.
            only: names of the rewards to compute; None: all of the config's.
        """
        entry = Entry(problem, candidates, [None] * len(candidates))
        entry.for_model = self._model is not None and (only is None or "model" in only)
        with self._changed:
            if key in self._entries:
                raise ValueError(f"completions were already submitted under {key!r}")
            self._entries[key] = entry
        if self._judge is not None and (only is None or "judge" in only):
            entry.judged = [self._judge.submit(problem, candidate) for candidate in candidates]
        pieces = [_Piece(place, candidate) for place, candidate in enumerate(candidates)]
        self._jobs.put(_Job(key, problem, pieces, only))

    def collect(self, keys: Collection[Hashable] | None = None) -> dict[Hashable, list[Reward]]:
        """Wait for the rewards of `keys` (None: of all that was submitted) and hand them over, in
        the order of the completions. Any thread may call.

        Raises RewardError when a worker is lost and cannot be started again, or the pool is closed.
        """
        with self._changed:
            wanted = list(self._entries if keys is None else keys)
            self._changed.wait_for(
                lambda: self._failure or all(self._entries[key].scored for key in wanted)
            )
            if self._failure is not None:
                raise RewardError(str(self._failure)) from self._failure
            entries = {key: self._entries.pop(key) for key in wanted}
        for entry in entries.values():
            entry.take_grades()
        if self._model is not None:
            grade_by_model(entries.values(), self._model)
        return {key: entry.rewards(self._weights) for key, entry in entries.items()}

    def close(self) -> None:
        """End the workers, whatever they do. What was not collected is lost."""
        self._closing.set()
        self._fail(RewardError("reward: the pool was closed."))
        if self._judge is not None:
            self._judge.close()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _new_worker(self) -> WorkerProcess:
        return WorkerProcess(self._task, self._config, self._closing.is_set)

    def _serve(self, number: int) -> None:
        """What each thread does."""
        try:
            while (job := self._jobs.get()) is not None and not self._closing.is_set():
                self._work_on(job, number)
        except Exception as error:  # noqa: BLE001 - whatever it is, collect raises it
            self._fail(error)
        finally:
            self._workers[number].kill()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _work_on(self, job: _Job, number: int) -> None:
        worker = self._workers[number]
        left = dict(enumerate(job.pieces))
        try:
            worker.send(job.encoded())
            while left:
                for place, scores in json.loads(worker.answer()):
                    self._keep(job.key, left.pop(place).place, Scores(**scores))
        except WorkerLostError as lost:
            if not self._closing.is_set():
                self._give_back(job, left, lost)
                self._workers[number] = self._new_worker()
                self._workers[number].wait_ready()

    def _keep(self, key: Hashable, place: int, scores: Scores) -> None:
        with self._changed:
            self._entries[key].scores[place] = scores
            if self._entries[key].scored:
                self._changed.notify_all()

    def _give_back(self, job: _Job, left: dict[int, _Piece], lost: WorkerLostError) -> None:
        """Queue what is left of a job, without the rule that cost the worker.

        Raises RewardError when workers are lost again and again and no rule is at fault.
        """
        losses = job.losses
        if lost.doing is None:
            losses += 1
            logger.warning("a reward worker was lost while no reward was computed: %s", lost)
            if losses > _LOSSES_ALLOWED:
                raise RewardError(f"reward: reward workers are lost again and again: {lost}.")
        else:
            rule = self._rules[lost.doing.rule]
            blamed = left[lost.doing.place]
            left[lost.doing.place] = replace(blamed, failed={**blamed.failed, rule: str(lost)})
        for piece in left.values():
            self._jobs.put(replace(job, pieces=[piece], losses=losses))
