"""What is read about rollouts."""

from r1web.rollouts.selectors.listing import After, Found, read_completions, visible_completion
from r1web.rollouts.selectors.searching import Hit, Place, search
from r1web.rollouts.selectors.steps import Position, Sort, read_rollouts

__all__ = [
    "After",
    "Found",
    "Hit",
    "Place",
    "Position",
    "Sort",
    "read_completions",
    "read_rollouts",
    "search",
    "visible_completion",
]
