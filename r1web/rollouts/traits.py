"""What a text shows of how the model reasons: reflective words, and foreign scripts."""

import re
from functools import lru_cache

REFLECTIVE = (
    "wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check",
)  # fmt: skip
"""Whose frequency the paper on DeepSeek-R1 follows through training."""

SCRIPTS = {
    "Latin": "A-Za-zªºÀ-ÖØ-öø-ʸḀ-ỿ",
    "Greek": "Ͱ-Ͽἀ-῿",
    "Cyrillic": "Ѐ-ԯ",
    "Armenian": "Ա-֏",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Indic": "\u0900-\u0dff",
    "Thai": "\u0e00-\u0e7f",
    "Georgian": "\u10a0-\u10ff",
    "Kana": "\u3040-\u30ff",
    "Hangul": "\u1100-\u11ff\uac00-\ud7af",
    "Han": "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ebef",
}
"""Letters of each, as a character class. Greek letters alone are most often mathematics."""
LETTERS = {name: re.compile(f"[{ranges}]") for name, ranges in SCRIPTS.items()}


FOREIGN = re.compile(r"[^\x00-\x7f]+")


@lru_cache(maxsize=16)
def _whole(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(re.escape(word.lower()) for word in words)})\b")


def reflections(text: str, words: tuple[str, ...] = REFLECTIVE) -> int:
    """How often one of the words stands in the text, as a whole word, in capitals or not."""
    return len(_whole(words).findall(text.lower()))


def scripts(text: str) -> dict[str, int]:
    """Letters of each script."""
    counts = {name: len(pattern.findall(text)) for name, pattern in LETTERS.items()}
    return {name: count for name, count in counts.items() if count}


def other_script(text: str, prompt: str) -> float:
    """Share of the text's letters that belong to scripts of which the prompt has no letter."""
    if text.isascii() and LETTERS["Latin"].search(prompt):
        return 0.0
    own = scripts(prompt)
    beyond = scripts("".join(FOREIGN.findall(text)) if "Latin" in own else text)
    foreign = sum(count for name, count in beyond.items() if name not in own)
    return foreign / sum(scripts(text).values()) if own and foreign else 0.0
