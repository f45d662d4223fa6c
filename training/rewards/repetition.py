"""Penalty on repetition: the share of n-grams of words that were there before.

The measure of Yeo et al. (arXiv 2502.03373) and of open-r1's `repetition_penalty`,
whose `max_penalty` is the weight here. Words are cut at white space and compared in lower case;
in Chinese, Japanese and Thai every character is one.
"""

from __future__ import annotations

from collections import Counter

from training.words import pieces

_LONGEST = 80
"""Characters of an n-gram that are told."""


def repetition(completion: str, ngram: int) -> float:
    """-(1 - distinct / all), above -1 and up to 0; 0 for fewer than `ngram` words."""
    grams = _grams(completion, ngram)
    return len(set(grams)) / len(grams) - 1 if grams else 0.0


def repeated(completion: str, ngram: int) -> str:
    """How many n-grams were there before, and which is the commonest; "" when none was."""
    grams = _grams(completion, ngram)
    counts = Counter(grams)
    again = len(grams) - len(counts)
    if not again:
        return ""
    gram, count = counts.most_common(1)[0]
    return f"{again} of {len(grams)} come again, “{' '.join(gram)[:_LONGEST]}” {count} times in all"


def _grams(completion: str, ngram: int) -> list[tuple[str, ...]]:
    units = pieces(completion.lower())
    return list(zip(*(units[start:] for start in range(ngram)), strict=False))
