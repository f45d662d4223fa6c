"""Rollouts as they are stored."""

from r1web.rollouts.models.groups import (
    Column,
    Completion,
    Group,
    GroupTokens,
    Segment,
    SignaturePart,
)

__all__ = ["Column", "Completion", "Group", "GroupTokens", "Segment", "SignaturePart"]
