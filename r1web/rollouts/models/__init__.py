"""Rollouts as they are stored, and what people say about them."""

from r1web.rollouts.models.groups import (
    Column,
    Completion,
    Group,
    GroupTokens,
    Segment,
    SignaturePart,
)
from r1web.rollouts.models.marks import CompletionNote, Star

__all__ = [
    "Column",
    "Completion",
    "CompletionNote",
    "Group",
    "GroupTokens",
    "Segment",
    "SignaturePart",
    "Star",
]
