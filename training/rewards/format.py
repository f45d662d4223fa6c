"""1 when the completion has the form that the template asks for, else 0."""

from __future__ import annotations

from training.rewards.form import parts


def format_reward(text: str, *, ended: bool) -> float:
    """One `<think>` part, then one `<answer>`, nothing else, and the sequence ended."""
    return float(ended and parts(text) is not None)
