"""How a question becomes a prompt: R1's instruction to think first, then answer, in few words."""

from __future__ import annotations

R1_TEMPLATE = (
    "User asks, Assistant solves. It works in <think> </think>, then it gives the result in "
    "<answer> </answer>.\nUser: {question}\nAssistant:"
)


def r1_prompt(question: str) -> str:
    """The prompt of R1-Zero; the completion is expected to begin with `<think>`."""
    return R1_TEMPLATE.replace("{question}", question)


TEMPLATES = {"r1": r1_prompt}
