"""What is read about rollouts."""

from r1web.rollouts.selectors.difficulty import Order, Prompt, by_difficulty, first_solved
from r1web.rollouts.selectors.emergence import by_steps
from r1web.rollouts.selectors.exporting import chosen, exported_jsonl, exported_parquet
from r1web.rollouts.selectors.groups import (
    answers,
    histogram,
    same_prompt,
    share_solved,
    visible_group,
)
from r1web.rollouts.selectors.listing import (
    After,
    Found,
    has_tokens,
    read_completions,
    tokens_of,
    visible_completion,
)
from r1web.rollouts.selectors.marks import (
    Marks,
    check_may_write,
    marks_of,
    notes_of,
    own_note,
    starred,
    starred_completions,
    starred_in,
)
from r1web.rollouts.selectors.searching import Hit, Place, search
from r1web.rollouts.selectors.steps import Position, Sort, read_rollouts

__all__ = [
    "After",
    "Found",
    "Hit",
    "Marks",
    "Order",
    "Place",
    "Position",
    "Prompt",
    "Sort",
    "answers",
    "by_difficulty",
    "by_steps",
    "check_may_write",
    "chosen",
    "exported_jsonl",
    "exported_parquet",
    "first_solved",
    "has_tokens",
    "histogram",
    "marks_of",
    "notes_of",
    "own_note",
    "read_completions",
    "read_rollouts",
    "same_prompt",
    "search",
    "share_solved",
    "starred",
    "starred_completions",
    "starred_in",
    "tokens_of",
    "visible_completion",
    "visible_group",
]
