"""Completions of one problem on their way through the pool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from training.rewards.endpoint import JudgeError
from training.rewards.judge import Judgement
from training.rewards.reward import Candidate, Grader, Reward, Scores, combine
from training.tasks import Problem


@dataclass
class Entry:
    """What is known so far; lists run over the completions."""

    problem: Problem
    candidates: list[Candidate]
    scores: list[Scores | None]
    """By the workers; None: not yet."""
    judged: list[Future[Judgement]] = field(default_factory=list)
    """Empty when no judge is asked."""
    for_model: bool = False
    """Whether the reward model grades them as well."""

    @property
    def scored(self) -> bool:
        return None not in self.scores

    def take_grades(self) -> None:
        """Wait for the judge, and lay its grades beside the workers' scores."""
        for place, future in enumerate(self.judged):
            try:
                self.add("judge", place, *future.result())
            except JudgeError as error:
                self.add("judge", place, str(error))

    def add(self, part: str, place: int, grade: float | str, reason: str = "") -> None:
        """A grade with its reason, or the reason why there is none."""
        scores = self.scores[place] or Scores()
        if isinstance(grade, str):
            scores.errors[part] = grade
        else:
            scores.parts[part] = grade
            if reason:
                scores.reasons[part] = reason

    def rewards(self, weights: Mapping[str, float]) -> list[Reward]:
        return [combine(scores, weights) for scores in self.scores if scores is not None]


def grade_by_model(entries: Iterable[Entry], grader: Grader) -> None:
    """Have the reward model grade what is meant for it, all in one call."""
    asked = [
        (entry, place)
        for entry in entries
        if entry.for_model
        for place in range(len(entry.candidates))
    ]
    pairs = [(entry.problem, entry.candidates[place]) for entry, place in asked]
    for (entry, place), grade in zip(asked, grader(pairs), strict=True):
        entry.add("model", place, grade)
