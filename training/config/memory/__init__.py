"""How much memory a run will take, told before it starts. Standard library and pydantic only."""

from training.config.memory.estimate import MemoryEstimate, estimate
from training.config.memory.refusals import check_run
from training.config.memory.shape import (
    Lengths,
    Model,
    Shape,
    Sizes,
    UnknownShapeError,
    read_model,
    shipped_model,
)

__all__ = [
    "Lengths",
    "MemoryEstimate",
    "Model",
    "Shape",
    "Sizes",
    "UnknownShapeError",
    "check_run",
    "estimate",
    "read_model",
    "shipped_model",
]
