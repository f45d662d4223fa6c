"""How an answer is compared with the one in a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*)?\.?\d+")
_MARK = "####"


def gsm8k_reference(text: str) -> str:
    """The final number of a GSM8K solution, which follows ####. Raises ValueError."""
    _, mark, final = text.rpartition(_MARK)
    if not mark or _one_number(final) is None:
        raise ValueError(f"has no final number after {_MARK}")
    return final.strip().replace(",", "")


def gsm8k_is_right(answer: str, reference: str) -> bool:
    """Whether `answer` holds one number, and that one: words and units beside it do not count."""
    found = _one_number(answer)
    return found is not None and found == _one_number(reference)


def gsm8k_parsed(answer: str) -> str | None:
    """The number that `gsm8k_is_right` compares."""
    found = _one_number(answer)
    return None if found is None else str(found)


def exact_reference(text: str) -> str:
    return text.strip()


def exact_is_right(answer: str, reference: str) -> bool:
    """The very text, but for space around it."""
    return answer.strip() == reference


def math_reference(text: str) -> str:
    r"""The last \boxed{…} of a worked solution, or the whole of a bare answer."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return text.strip()
    start, depth = start + len("\\boxed{"), 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place].strip()
    raise ValueError("has a \\boxed{ that is never closed")


def math_is_right(answer: str, reference: str) -> bool:
    """Whether both mean the same mathematics, by math-verify."""
    from training.rewards.math_answer import means_the_same  # noqa: PLC0415 - sympy takes a second

    return means_the_same(answer, reference)


VERIFIERS: dict[str, tuple[Callable[[str], str], Callable[[str, str], bool]]] = {
    "math": (math_reference, math_is_right),
    "exact": (exact_reference, exact_is_right),
    "gsm8k": (gsm8k_reference, gsm8k_is_right),
}
"""By name: what of the answer field is the answer (ValueError: none), and whether another is."""


def _one_number(text: str) -> Decimal | None:
    numbers = _NUMBER.findall(text)
    if len(numbers) != 1:
        return None
    try:
        return Decimal(numbers[0].replace(",", ""))
    except InvalidOperation:
        return None
