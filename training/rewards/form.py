"""The form R1 asks for, taken apart."""

from __future__ import annotations

import re
from typing import NamedTuple

_FORM = re.compile(
    r"\s*<think>(?P<think>.*?)</think>\s*<answer>(?P<answer>.*?)</answer>\s*", re.DOTALL
)
_TAG = re.compile(r"</?(?:think|answer)>")


class Parts(NamedTuple):
    think: str
    answer: str


def parts(completion: str) -> Parts | None:
    """The two parts of `<think>…</think><answer>…</answer>`, stripped; None for any other form.

    Each tag stands once, nothing but white space stands outside, and neither part is empty.
    """
    match = _FORM.fullmatch(completion)
    if match is None:
        return None
    found = Parts(match["think"].strip(), match["answer"].strip())
    if not all(found) or any(_TAG.search(part) for part in found):
        return None
    return found
