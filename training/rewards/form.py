"""The form R1 asks for, taken apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from training.rewards.tag_count import TAGS

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


def why_not(completion: str) -> str:
    """What keeps a completion from having the form; "" for one that has it."""
    if parts(completion) is not None:
        return ""
    places = []
    for tag in TAGS:
        count = completion.count(tag)
        if count != 1:
            return f"{tag} stands {count} times" if count else f"no {tag}"
        places.append(completion.index(tag))
    if places != sorted(places):
        return "the tags are out of order"
    before, thinking, between, answer, after = re.split(_TAG, completion)
    if not thinking.strip() or not answer.strip():
        return "the thinking is empty" if not thinking.strip() else "the answer is empty"
    where = {"before <think>": before, "between the parts": between, "after </answer>": after}
    return "text " + next(place for place, text in where.items() if text.strip())
