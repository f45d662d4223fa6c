"""What GRPO keeps in a checkpoint beside weights and optimiser."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

from training import checkpoint
from training.grpo.ahead import Stock
from training.grpo.rollouts import Group
from training.saving import file_of_rank


@dataclass(frozen=True)
class Kept:
    """One rank's rollouts and what its task has learnt: all that neither the weights nor the
    optimiser know, and that does not follow from seed and step."""

    stock: Stock = field(default_factory=Stock)
    waiting: list[list[Group]] = field(default_factory=list)
    """The rest of the collection that is being trained on, a step's groups each."""
    task: dict[str, Any] = field(default_factory=dict)


def read_kept(start: checkpoint.Checkpoint | None, rank: int) -> Kept:
    """Of a checkpoint, whose files have been verified; nothing when there is none."""
    if start is None:
        return Kept()
    with file_of_rank(start.path, rank).open("rb") as file:
        kept: Kept = pickle.load(file)  # noqa: S301 - our own, like the engine's state beside it
    return kept
