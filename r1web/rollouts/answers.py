"""The answer that a completion gives, and which completions of a group give the same one.

The journal does not tell what the reward parsed, so what stands in the last <answer> tags counts,
else in the last box, else the last number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

TAGS = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
BOX = re.compile(r"\\boxed\s*\{")
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:/\d+)?")


def answer_of(text: str) -> str | None:
    """As it is written, without spaces around it; None when there is none."""
    tagged = TAGS.findall(text)
    if tagged:
        return str(tagged[-1]).strip()
    boxes = list(BOX.finditer(text))
    if boxes and (boxed := _in_braces(text[boxes[-1].end() :])) is not None:
        return boxed.strip()
    numbers = NUMBER.findall(text)
    return str(numbers[-1]) if numbers else None


def _in_braces(text: str) -> str | None:
    """What stands before the brace that closes; None when none does."""
    depth = 1
    for place, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return text[:place]
    return None


def normal(answer: str) -> str:
    """The same for answers that differ by how they are written only."""
    plain = re.sub(r"\\(?:text|mathrm|boxed)\{([^{}]*)\}|\\[,;!]|[\s$]", r"\1", answer).casefold()
    if NUMBER.fullmatch(plain) and "/" not in plain:
        return f"{float(plain.replace(',', '')):.12g}"
    return plain.rstrip(".")


@dataclass(frozen=True)
class Cluster:
    """Completions that give the same answer."""

    answer: str | None
    """As the first of them writes it; None for those without one."""
    indexes: list[int]
    """Places in the group."""
    reward_mean: float | None
    expected: bool
    """Whether it is what the verifier expects, by its letters."""


def clusters(texts: Sequence[str], rewards: Sequence[float | None], expected: str) -> list[Cluster]:
    """The largest first; of equal ones the one that came first. Those without answer come last."""
    answers = [answer_of(text) for text in texts]
    members: dict[str | None, list[int]] = {}
    for index, answer in enumerate(answers):
        members.setdefault(None if answer is None else normal(answer), []).append(index)
    found = [
        Cluster(
            answer=answers[indexes[0]],
            indexes=indexes,
            reward_mean=_mean([rewards[index] for index in indexes]),
            expected=key is not None and key == normal(expected),
        )
        for key, indexes in members.items()
    ]
    return sorted(found, key=lambda one: (one.answer is None, -len(one.indexes)))


def _mean(rewards: Sequence[float | None]) -> float | None:
    known = [reward for reward in rewards if reward is not None]
    return sum(known) / len(known) if known else None
