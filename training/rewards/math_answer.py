r"""Whether two answers mean the same mathematics, by math-verify.

math-verify limits its own time by a signal that only a main thread can have, and gives up without a
word elsewhere. That limit is off here: whoever calls has to be a process that can be killed, as the
pool's workers are.
"""

from __future__ import annotations

import logging
import re

import math_verify
from math_verify import parse, verify

logging.getLogger(math_verify.__name__).setLevel(logging.ERROR)  # it warns that its limit is off

_MARKED = re.compile(r"\$|\\\(|\\\[|\\boxed")
"""A formula that says where it begins."""
_WORD = re.compile(r"(?:^|\s)(?!(?:sqrt|sin|cos|tan|log|ln|exp|pi)\b)[A-Za-z]{2,}(?=[\s.,:;!?]|$)")
"""A word of prose: it stands alone and names no function."""

_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mbox)\{([^{}]*)\}")


def means_the_same(answer: str, reference: str) -> bool:
    r"""Whether `answer` equals `reference`: 1/2 is 0.5, \frac12 and 50%.

    Either may be a formula with or without `$`, `\(` or `\boxed{}` around it; an answer may also be
    prose, of which the last formula or number counts. The same words, letter case and `\text{}`
    aside, are equal whatever they mean. An empty answer equals nothing.
    """
    said = _plain(answer)
    if not said or said == _plain(reference):
        return bool(said)
    expected = _read(reference if _MARKED.search(reference) else f"${reference}$")
    found = _read(answer if _is_prose(answer) else f"${answer}$")
    return bool(verify(expected, found, timeout_seconds=None, raise_on_error=True))


def _plain(text: str) -> str:
    return _TEXT.sub(r"\1", text).strip().casefold()


def _is_prose(answer: str) -> bool:
    return bool(_MARKED.search(answer) or _WORD.search(answer))


def _read(text: str) -> list[object]:
    """What math-verify understands; nothing for what it cannot read."""
    found: list[object] = parse(text, parsing_timeout=None)
    return found
