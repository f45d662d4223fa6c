"""The answer that a completion gives, and which completions of a group give the same one.

What the verifier read counts. Old journals do not tell it: of theirs counts what stands in the last
<answer> tags, else in the last box, else the last number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

TAGS = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
BOX = re.compile(r"\\boxed\s*\{")
FRACTION = re.compile(r"\\[dt]?frac\{(-?[\d.]+)\}\{(\d+)\}")
DRESS = re.compile(r"\\(?:text|mathrm|boxed)\{([^{}]*)\}|\\[,;!]|[\s$]")
"""How an answer is written, and not what it says."""
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?:\D|$))")
VALUE = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))(?:/(\d+))?(\\?%)?\.?")
LONGEST_NUMBER = 60
"""Characters; longer ones are compared as they are written."""
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
    """The same for answers that differ by how they are written only: 1/2 is 0.5 and 50%."""
    plain = DRESS.sub(r"\1", FRACTION.sub(r"\1/\2", answer)).casefold()
    found = VALUE.fullmatch(THOUSANDS.sub("", plain))
    if found is None or len(plain) > LONGEST_NUMBER or not int(found[2] or 1):
        return plain.rstrip(".")
    value = Fraction(found[1]) / int(found[2] or 1) / (100 if found[3] else 1)
    return str(value)


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
    right: bool | None
    """Whether the verifier took it; None where it could not tell, or was not asked."""


def clusters(
    answers: Sequence[str | None],
    rewards: Sequence[float | None],
    right: Sequence[bool | None],
    expected: str,
) -> list[Cluster]:
    """The largest first; of equal ones the one that came first. Those without answer come last.

    What the verifier took and what it refused never stand together, however alike they look.
    """
    members: dict[tuple[str | None, bool | None], list[int]] = {}
    for index, answer in enumerate(answers):
        key = None if answer is None else normal(answer)
        members.setdefault((key, right[index]), []).append(index)
    found = [
        Cluster(
            answer=answers[indexes[0]],
            indexes=indexes,
            reward_mean=_mean([rewards[index] for index in indexes]),
            expected=key is not None and key == normal(expected),
            right=verdict,
        )
        for (key, verdict), indexes in members.items()
    ]
    return sorted(found, key=lambda one: (one.answer is None, -len(one.indexes)))


def _mean(rewards: Sequence[float | None]) -> float | None:
    known = [reward for reward in rewards if reward is not None]
    return sum(known) / len(known) if known else None
