"""Penalty on repetition: the share of n-grams of words that were there before.

The measure of Yeo et al. (arXiv 2502.03373) and of open-r1's `repetition_penalty`,
whose `max_penalty` is the weight here. Words are cut at white space and compared in lower case;
in Chinese, Japanese and Thai every character is one.
"""

from __future__ import annotations

from training.rewards.words import pieces


def repetition(completion: str, ngram: int) -> float:
    """-(1 - distinct / all), above -1 and up to 0; 0 for fewer than `ngram` words."""
    units = pieces(completion.lower())
    grams = list(zip(*(units[start:] for start in range(ngram)), strict=False))
    return len(set(grams)) / len(grams) - 1 if grams else 0.0
