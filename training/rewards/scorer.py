"""Scores completions by the rules of a run; what fails becomes an error, never a 0."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping

from training.config import RewardConfig
from training.rewards.reward import Candidate, Given, RewardError, Scores
from training.rewards.rules import Case, build_rules, parts_of
from training.tasks import Problem, Task


class Scorer:
    """Holds the rules; made once in each worker."""

    def __init__(self, config: RewardConfig, task: Task) -> None:
        """Raises RewardError for a reward that cannot be made."""
        self._rules = build_rules(config, task)
        self._parts = parts_of(config)

    def score(
        self,
        candidate: Candidate,
        problem: Problem,
        *,
        only: Collection[str] | None = None,
        failed: Mapping[str, str] | None = None,
        begin: Callable[[int], None] = lambda _: None,
    ) -> Scores:
        """All parts of one completion.

        Args:
            only: names of the rules to apply; None: all.
            failed: rules that are not to be tried again, with the reason.
            begin: told the number of each rule before it runs.
        """
        failed = failed or {}
        scores = Scores()
        for number, (name, rule) in enumerate(self._rules.items()):
            if only is not None and name not in only:
                continue
            reason = failed.get(name)
            if reason is None:
                begin(number)
                random.seed(0)  # a verifier that draws has to draw alike in every worker
                try:
                    given = rule(Case(candidate, problem, scores.parts))
                    scores.parts |= {part: float(given.parts[part]) for part in self._parts[name]}
                except RewardError as error:
                    reason = str(error)
                except BaseException as error:  # noqa: BLE001 - rewards may be anybody's code; told
                    reason = f"{type(error).__name__}: {error}"
                else:
                    _note(scores, name, given)
                    continue
            scores.errors |= dict.fromkeys(self._parts[name], reason)
        return scores


def _note(scores: Scores, name: str, given: Given) -> None:
    if given.reason:
        scores.reasons[name] = given.reason
    if given.parsed is not None:
        scores.parsed = given.parsed
