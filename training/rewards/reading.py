"""What of a completion a model that grades gets to read."""

from __future__ import annotations

import re

from training.config import Reads

_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL)


def shown(text: str, reads: Reads) -> str:
    """All of it; or for "answer" the last `<answer>`, or else what follows the last `</think>`."""
    if reads == "completion":
        return text
    answers = _ANSWER.findall(text)
    if answers:
        return str(answers[-1]).strip()
    return text.rpartition("</think>")[2].strip()
