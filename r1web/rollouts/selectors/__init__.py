"""What is read about rollouts."""

from r1web.rollouts.selectors.steps import Position, Sort, read_rollouts

__all__ = ["Position", "Sort", "read_rollouts"]
