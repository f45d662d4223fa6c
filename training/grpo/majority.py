r"""cons@k: the answer that most of k completions give (self-consistency, arXiv 2203.11171).

Answers are the same when their normal form is: space and letter case aside, `\boxed{5}`, `$5$`, `5`
and `5.0` are one answer. A task may have its verifier say more, see `Task.comparison`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from decimal import Decimal, InvalidOperation
from statistics import fmean

_BOXED = re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL)
_DIGITS = 28
"""More are not rounded away: such numbers are compared as text."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?:\D|$))")


def normal_form(answer: str) -> str:
    """What is compared of an answer."""
    text = " ".join(answer.split()).strip("$ ")
    boxed = _BOXED.fullmatch(text)
    text = (boxed[1] if boxed else text).strip("$ ").removesuffix(".").casefold()
    try:
        number = Decimal(_THOUSANDS.sub("", text))
    except InvalidOperation:
        return text
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or max(len(digits), abs(exponent)) > _DIGITS:
        return text
    return format((number + 0).normalize(), "f")  # + 0: -0 is 0


def majority(answers: Sequence[Hashable | None], right: Sequence[bool | None]) -> float:
    """1 when the answer given most often is right, else 0.

    Where several are given equally often, the share of them that is right: what drawing lots would
    give on average. A completion without an answer (None) has no vote; when none has, that is 0.
    An answer is right when any of its completions was found so (`right`; None: could not be told).
    NaN when that is unknown of an answer that wins.
    """
    if all(verdict is None for verdict in right):
        return math.nan
    votes = Counter(answer for answer in answers if answer is not None)
    most = max(votes.values(), default=0)
    winners = [answer for answer, count in votes.items() if count == most]
    return fmean(_verdict(winner, answers, right) for winner in winners) if winners else 0.0


def cons_at_k(answers: Sequence[Hashable | None], right: Sequence[bool | None], k: int) -> float:
    """The mean of `majority` over blocks of k completions, one after the other: each is a fair
    sample of what k completions give. What is left over is not used."""
    starts = range(0, len(answers) - k + 1, k)
    blocks = [slice(start, start + k) for start in starts]
    known = [majority(answers[block], right[block]) for block in blocks]
    known = [value for value in known if not math.isnan(value)]
    return fmean(known) if known else math.nan


def _verdict(
    winner: Hashable, answers: Sequence[Hashable | None], right: Sequence[bool | None]
) -> float:
    verdicts = [verdict for answer, verdict in zip(answers, right, strict=True) if answer == winner]
    if any(verdicts):
        return 1.0
    return math.nan if None in verdicts and False not in verdicts else 0.0
