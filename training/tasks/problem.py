"""What a task asks, and which of its questions are kept for evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

HELD_OUT_SHARE = 1 / 16


class TaskError(ValueError):
    """A task cannot be built or cannot give what is asked; the message names the config field."""


@dataclass(frozen=True)
class Problem:
    question: str
    answer: str
    """What the verifier expects."""
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The generator's own record, which its verifier reads."""


class Task(Protocol):
    """An endless supply of problems, and their verifier."""

    def training_problem(self, seed: int, index: int) -> Problem:
        """Problem number `index` of the run with that seed: the same for ever, never held out."""

    def held_out_problems(self, count: int) -> list[Problem]:
        """The first `count` held-out problems, all different, the same for every run.

        Raises TaskError when the task has not got so many.
        """

    def is_right(self, answer: str, problem: Problem) -> bool:
        """Whether the verifier takes `answer` as entirely right."""


def is_held_out(question: str) -> bool:
    """Whether a question is for evaluation only.

    Its SHA-256 decides, so training, evaluation and the pretraining corpus keep apart without
    having to share a list, whatever the seeds and however many problems are evaluated.
    """
    digest = hashlib.sha256(question.encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32
