"""What a stage does at each of its steps, as the loop sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from training.events import StageOutput
from training.grpo.stopwatch import Stopwatch
from training.model import Policy

Tell = Callable[..., None]
"""Writes an event into the journal: its type, the step of the stage, its fields. Every rank calls
it, and takes note of phases; rank 0 has the journal."""


@dataclass(frozen=True)
class Told:
    """What a step has come to. Only rank 0 has more than the numbers."""

    tokens: int
    """That were trained on, over all ranks; where nothing is trained, that were sampled."""
    values: dict[str, float] = field(default_factory=dict)
    """Metrics, without those that the loop knows better."""
    completions: int = 0
    rollouts: list[dict[str, Any]] = field(default_factory=list)
    """Fields of the events of the step's groups."""
    warnings: list[str] = field(default_factory=list)
    skipped: bool = False
    """The gradient was not finite."""


class Work(ABC):
    """One stage's doing on this rank. Steps count from 1 within the stage."""

    watch: Stopwatch
    """The parts `update` and `logprobs` of a step."""

    @property
    def policy(self) -> Policy | None:
        """What is trained, and evaluated on the way; None where no policy is trained."""
        return None

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Of the model that the stage is about."""

    @abstractmethod
    def step(self, step: int) -> Told | None:
        """All ranks together; None when it was asked to stop before the step was done."""

    @property
    def resumable(self) -> bool:
        """Whether `save` writes what `step` can go on from."""
        return True

    @abstractmethod
    def save(self, partial: Path) -> None:
        """Write what a checkpoint keeps of this stage; every rank its own files, rank 0 those that
        are there once."""

    def outputs(self) -> list[StageOutput]:
        """What the stage has made besides its checkpoint, when it is done. Rank 0's."""
        return []

    def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of threads and memory."""


def counted(model: Any) -> int:
    """Parameters of a module."""
    parameters: list[Tensor] = list(model.parameters())
    return sum(parameter.numel() for parameter in parameters)
