"""The rules by which a text looks machine-written. Each gives points; from `ENOUGH` on it does.

Every rule can be read off the text by a person. They were chosen and weighed on the half `rules` of
what benchmarks/machine_written/collect.py collects; the other half measures their error.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from training.words import terms

ENOUGH = 2
_ABOUT_ITSELF = re.compile(
    r"\b(as an? (ai|artificial intelligence|(large )?language model)|i(['’]m| am) an? (ai\b|"
    r"language model|virtual assistant)|my (training data|knowledge cutoff))|作为(一个|一名)?"
    r"(人工智能|ai|语言模型|大模型)|我是(一个)?(人工智能|ai|语言模型)",
    re.IGNORECASE,
)
_TAGS = re.compile(
    r"<\|\w+\|>|</?think>|\[/?INST\]|^#{2,3} (Instruction|Response):|^(Assistant|User|Human): ",
    re.MULTILINE,
)
_STOCK = tuple(
    re.compile(phrase, re.IGNORECASE)
    for phrase in (
        r"^(sure|certainly|of course|absolutely|great question)[!,.]",
        r"\bhere(['’]s| is| are) (a|an|some|the)\b[^.\n]{0,60}:",
        r"\bi hope (this|that) helps|\blet me know if\b|\bfeel free to\b",
        r"\bin (conclusion|summary)\b|\bto sum(marize| up)\b|(^|\. )overall,",
        r"\bit(['’]s| is) (important|essential|crucial|worth) (to|not)",
        r"\bplay(s|ed)? an? (crucial|vital|significant|important|key|essential) role\b",
        r"\bdelv(e|es|ing) into\b|\ba testament to\b|\bin today['’]s\b|\brich tapestry\b",
        r"\bnot only\b.{1,80}\bbut also\b",
        r"\bwhether you(['’]re| are)\b|\bimagine (you|that|a)\b",
        r"^(当然|好的)[！，,。]|希望(这|以上)|如果(你|您)(还)?有(任何|其他)",
        r"总(之|的来说|而言之)|值得注意的是|首先.{1,200}其次.{1,200}(最后|此外)",
    )
)
_GENERAL = frozenset(
    terms(
        """crucial essential significant significantly various overall additionally furthermore
        moreover enhance enhances enhancing ensure ensures ensuring comprehensive unique fascinating
        vibrant innovative seamless robust journey foster fostering landscape complex powerful
        allows efficient efficiently effectively effective valuable wide range variety provides
        providing creating understanding incredibly spanning designed involves across ecosystem
        daunting critical concept harmony diverse straightforward overwhelming potential transform
        resources capable evolved environment"""
    )
)
_DEFINES = re.compile(
    r"^(?!this\b|that\b|it\b|there\b|here\b)(\S+ ){1,8}(is|are) (an?|the|often) ", re.IGNORECASE
)
_TRAILING = re.compile(
    r", (making|allowing|enabling|creating|ensuring|providing|including|leading|highlighting|"
    r"showcasing|reflecting)\b"
)
_MARKED_ITEM = re.compile(r"^\s*(\d+[.)]|[-*•]) +(\*\*[^*\n]+\*\*|[^\n:]{2,40}:)", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,4} |\*\*[^*\n]+\*\*:?$)", re.MULTILINE)
_SENTENCE = re.compile(r"[^.!?。！？]+[.!?。！？]")


class Rule(NamedTuple):
    name: str
    says: str
    points: Callable[[str], int]


def _stock(text: str) -> int:
    return min(2, sum(1 for phrase in _STOCK if phrase.search(text)))


def _general(text: str) -> int:
    words = terms(text.lower())
    share = sum(word in _GENERAL for word in words) / max(1, len(words))
    return 2 if share >= 0.05 else int(share >= 0.025)


def _markup(text: str) -> int:
    return min(2, len(_MARKED_ITEM.findall(text)) // 2 + len(_HEADING.findall(text)))


def _evenness(text: str) -> int:
    lengths = [len(terms(sentence)) for sentence in _SENTENCE.findall(text)]
    lengths = [length for length in lengths if length]
    if len(lengths) < 4:
        return 0
    return int(statistics.pstdev(lengths) / statistics.mean(lengths) < 0.35)


def _repetition(text: str) -> int:
    words = terms(text.lower())
    grams = Counter(zip(words, words[1:], words[2:], strict=False))
    repeated = sum(count - 1 for count in grams.values())
    share = repeated / max(1, grams.total())
    return 2 if share >= 0.15 else int(share >= 0.07)


RULES = (
    Rule("about itself", "calls itself an AI or a language model: 3 points",
         lambda text: 3 * bool(_ABOUT_ITSELF.search(text))),
    Rule("chat tags", "has tags of chats and prompts left in it: 3 points",
         lambda text: 3 * bool(_TAGS.search(text))),
    Rule("stock phrases", "phrases that assistants like, a point each, 2 at most", _stock),
    Rule("general words", "words of praise and connection, such as crucial or "
         "enhance: from 2.5 % of its words on a point, from 5 % on 2", _general),
    Rule("definition", "begins by saying what its subject is, as an encyclopaedia does: a point",
         lambda text: int(bool(_DEFINES.search(text)))),
    Rule("trailing clauses", "a clause after a comma that begins with making, allowing or "
         "the like: a point", lambda text: int(bool(_TRAILING.search(text)))),
    Rule("markup", "headings, and list items with a title: 2 points at most", _markup),
    Rule("evenness", "at least 4 sentences, their lengths' deviation below 35 % of the mean: a "
         "point", _evenness),
    Rule("repetition", "three words in a row that came before: from 7 % of its sequences on a "
         "point, from 15 % on 2", _repetition),
)  # fmt: skip
OPENING = "same opening"
OPENING_SAYS = "begins with the same four words as at least 2 others and 1 % of the set: a point"
_OPENING_WORDS = 4


def points_of(texts: Sequence[str]) -> list[dict[str, int]]:
    """The points of each text by rule, without zeros."""
    openings = Counter(map(_opening, texts))
    found = []
    for text in texts:
        points = {rule.name: rule.points(text) for rule in RULES}
        alike = openings[_opening(text)] - 1
        points[OPENING] = int(alike >= 2 and alike + 1 >= len(texts) / 100)
        found.append({name: count for name, count in points.items() if count})
    return found


def looks_machine_written(points: Mapping[str, int]) -> bool:
    return sum(points.values()) >= ENOUGH


def _opening(text: str) -> tuple[str, ...]:
    return tuple(terms(text[:200].lower())[:_OPENING_WORDS])
