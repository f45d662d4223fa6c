"""Writes text like a reasoning model's, by the gigabyte, for `benchmarks.rollouts`.

Prose is a chain of words, each drawn from those that follow the one before it in the topics of
Python's own help (57,000 words of English); one word in eight is drawn without regard to it.
Between the sentences stand steps of arithmetic with numbers of the question and its own. What comes
out packs about as well as what models write: the script says by how much.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pydoc_data.topics import topics

import numpy as np
from numpy.typing import NDArray

WORDS = 290
"""Of prose in a completion; with the arithmetic it makes about 2,000 characters, 500 tokens."""
SENTENCE = 15
AT_ONCE = 100
"""Questions whose words are drawn together."""
STRAY = 0.125
STEPS = (
    "So {a} + {b} = {c}. ", "Wait, {a} - {b} is {c}. ", "Let me check: {a} * {b} = {c}. ",
    "That gives {a} / {b} = {c}. ", "However, {a} is not {b}, it is {c}. ",
    "Then {c} - {b} = {a}, which I verify. ", "Hmm, {a}{b} mod {c}. ",
)  # fmt: skip

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Chain:
    """Which words follow which, as often as they do in the text it was made from."""

    words: NDArray[np.object_]
    said: Ids
    followers: Ids
    first: Ids
    count: Ids

    @classmethod
    def of(cls, text: str) -> "Chain":
        said = re.findall(r"[A-Za-z][a-z'-]*[,;:]?", text)
        ids = {word: place for place, word in enumerate(dict.fromkeys(said))}
        order = np.array([ids[word] for word in said])
        count = np.bincount(order[:-1], minlength=len(ids))
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        followers = order[1:][np.argsort(order[:-1], kind="stable")]
        return cls(np.array(list(ids), object), order, followers, first, count)

    def say(self, rng: np.random.Generator, texts: int, words: int) -> list[list[str]]:
        """`texts` lists of so many words each."""
        now = rng.choice(self.said, texts)
        found = [now]
        for _ in range(words - 1):
            place = self.first[now] + (rng.random(texts) * self.count[now]).astype(np.int64)
            follows = self.followers[np.minimum(place, len(self.followers) - 1)]
            now = np.where(rng.random(texts) < STRAY, rng.choice(self.said, texts), follows)
            found.append(now)
        spoken: list[list[str]] = self.words[np.stack(found, axis=1)].tolist()
        return spoken


def completions(seed: int, questions: int, group: int) -> Iterator[tuple[str, str, list[str]]]:
    """A question, its answer, and the texts of its group; `questions` of them."""
    rng = np.random.default_rng(seed)
    chain = Chain.of(" ".join(topics.values()))
    while questions > 0:
        many = min(AT_ONCE, questions)
        asked = chain.say(rng, many, 25)
        spoken = iter(chain.say(rng, many * group, WORDS))
        for words in asked:
            given = rng.integers(2, 1000, 3).tolist()
            question = f"{' '.join(words)} {given[0]}, {given[1]} and {given[2]}: how many is it?"
            yield question, str(sum(given)), [_text(rng, given, next(spoken)) for _ in range(group)]
        questions -= many


def _text(rng: np.random.Generator, given: list[int], words: list[str]) -> str:
    """The words in sentences, with a step of arithmetic after most."""
    kinds = rng.integers(0, len(STEPS) * 2, WORDS // SENTENCE + 1).tolist()
    numbers = rng.integers(1, 5000, (len(kinds), 2)).tolist()
    parts = []
    for place, kind in enumerate(kinds):
        sentence = " ".join(words[place * SENTENCE : (place + 1) * SENTENCE])
        parts.append(f"{sentence.capitalize()}. ")
        if kind < len(STEPS):
            own, other = numbers[place]
            parts.append(STEPS[kind].format(a=given[place % 3], b=own, c=other))
    answer = numbers[0][0] % 7 + given[0]
    return f"<think>{''.join(parts)}</think><answer>{answer}</answer>"
