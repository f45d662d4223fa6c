"""Language consistency as in R1: the target language's share of the words of the thinking.

The paper (arXiv 2501.12948; Nature 2025, Methods) does not say what a word is or how its language
is told. Here that is told by script, which needs no model and separates what R1 was seen to mix,
English and Chinese. Languages of the same script are not told apart, but a word with a letter
beyond a to z is not English.
"""

from __future__ import annotations

import re
from collections import Counter

from training.config import Language
from training.words import SCRIPTS, words

_SCRIPTS_OF: dict[Language, frozenset[str]] = {
    "ar": frozenset({"arabic"}),
    "el": frozenset({"greek"}),
    "en": frozenset({"latin"}),
    "he": frozenset({"hebrew"}),
    "hi": frozenset({"devanagari"}),
    "ja": frozenset({"han", "kana"}),
    "ko": frozenset({"hangul"}),
    "ru": frozenset({"cyrillic"}),
    "th": frozenset({"thai"}),
    "zh": frozenset({"han"}),
}
_ALPHABETS = frozenset(SCRIPTS) - {"han", "kana", "thai"}
_NO_WORDS = re.compile(r"</?(?:think|answer)>|\\[A-Za-z]+")
"""Tags and the commands of formulas."""
_MOST = 3
_LONGEST = 20
"""Words of another language that are told, and characters of each."""


def language_share(completion: str, target: Language) -> float:
    """0 to 1; 0 for thinking without a word.

    The thinking is what stands before the first `</think>`, or else before the first `<answer>`. A
    single letter of an alphabet counts for no language: it is most often a variable.
    """
    counted = _counted(completion)
    if not counted:
        return 0.0
    return sum(_is_of(target, script, word) for script, word in counted) / len(counted)


def words_amiss(completion: str, target: Language) -> str:
    """How many words are of another language, and the commonest of them; "" when none is."""
    counted = _counted(completion)
    if not counted:
        return "no word in the thinking"
    others = Counter(word for script, word in counted if not _is_of(target, script, word))
    if not others:
        return ""
    shown = ", ".join(word[:_LONGEST] for word, _ in others.most_common(_MOST))
    return f"{others.total()} of {len(counted)} words are not {target}: {shown}"


def _counted(completion: str) -> list[tuple[str, str]]:
    """The words of the thinking that count, each as (script, word)."""
    thinking = re.split(r"</think>|<answer>", completion, maxsplit=1)[0]
    return [
        (script, word)
        for script, word in words(_NO_WORDS.sub(" ", thinking))
        if len(word) > 1 or script not in _ALPHABETS
    ]


def _is_of(target: Language, script: str, word: str) -> bool:
    return script in _SCRIPTS_OF[target] and (target != "en" or word.isascii())
