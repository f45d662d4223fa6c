"""Words in any script, by ranges of Unicode."""

from __future__ import annotations

import re

_SPACELESS = (
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
"""Kana and Han: written without spaces, so each character counts as a word."""
_THAI = "\u0e01-\u0e5b"
"""Likewise without spaces."""

SCRIPTS = {
    "latin": r"[A-Za-zªºÀ-ÖØ-öø-ʯ\u1e00-\u1eff]+",
    "han": "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]",
    "kana": "[\u3040-\u30ff\u31f0-\u31ff]",
    "hangul": "[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]+",
    "cyrillic": "[\u0400-\u052f]+",
    "greek": "[\u0370-\u03ff\u1f00-\u1fff]+",
    "hebrew": "[\u0590-\u05ff]+",
    "arabic": "[\u0600-\u065f\u066e-\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff]+",
    "devanagari": "[\u0900-\u0965\u0970-\u097f]+",
    "thai": "[\u0e01-\u0e4e]",
}
"""What one word of each script looks like."""

_WORD = re.compile(
    "|".join(f"(?P<{name}>{word})" for name, word in SCRIPTS.items()) + r"|(?P<other>[^\W\d_])"
)
_PIECE = re.compile(rf"[{_SPACELESS}{_THAI}]|[^\s{_SPACELESS}{_THAI}]+")
_TERM = re.compile(rf"[{_SPACELESS}{_THAI}]|[^\W_{_SPACELESS}{_THAI}]+")


def words(text: str) -> list[tuple[str, str]]:
    """The words of a text, each as (script, word); numbers and signs are none.

    A letter of a script that is not in SCRIPTS is a word of the script "other".
    """
    return [(match.lastgroup or "", match[0]) for match in _WORD.finditer(text)]


def pieces(text: str) -> list[str]:
    """Everything in a text, cut at white space; single characters where there is none between
    words (Chinese, Japanese, Thai)."""
    return _PIECE.findall(text)


def terms(text: str) -> list[str]:
    """Words and numbers alike, without the signs between them; single characters of scripts
    without spaces."""
    return _TERM.findall(text)
