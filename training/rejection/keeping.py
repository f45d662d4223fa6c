"""Which completions are kept. R1 kept right answers, and of their thinking what people can read:
no mixed languages, no long paragraphs, no code blocks (arXiv 2501.12948, section 2.3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from training.config import KeepConfig
from training.grpo.rollouts import Group
from training.rewards.form import parts, why_not
from training.rewards.language import language_share
from training.rewards.repetition import repetition

NGRAM = 3
"""Words, of `most_repeated`."""
SURPLUS = "per_prompt"
"""Why one is dropped that is good, where others of its prompt are better."""


def choose(group: Group, keep: KeepConfig) -> list[tuple[str, str]]:
    """For each of a group's completions why it is dropped: the config's word for it, and a reason
    for people; two empty texts for one that is kept."""
    verdicts = [next(_against(group, number, keep), ("", "")) for number in _numbers(group)]
    fit = [number for number in _numbers(group) if not verdicts[number][0]]
    fit.sort(key=lambda number: _order(group, number))
    for number in fit[keep.per_prompt :]:
        verdicts[number] = (SURPLUS, f"{keep.per_prompt} of this prompt are kept already")
    return verdicts


def _numbers(group: Group) -> range:
    return range(len(group.completions))


def _against(group: Group, number: int, keep: KeepConfig) -> Iterator[tuple[str, str]]:
    """All that speaks against a completion."""
    reward, text = group.rewards[number], group.texts[number]
    if reward.total is None:
        yield "not_scored", "it has no reward"
    if keep.right and reward.parts.get("accuracy") != 1.0:
        yield "right", "the answer is wrong"
    if keep.formed and (parts(text) is None or group.completions[number].finish_reason != "stop"):
        yield "formed", why_not(text) or "cut off at the length limit"
    if keep.language is not None:
        share = language_share(text, keep.language)
        if share < keep.language_share:
            yield "language", f"{share:.0%} of the thinking is {keep.language}"
    if -repetition(text, NGRAM) > keep.most_repeated:
        yield "most_repeated", f"{-repetition(text, NGRAM):.0%} of it are repetitions"
    longest = max(map(len, re.split(r"\n\s*\n", text)))
    if keep.longest_paragraph and longest > keep.longest_paragraph:
        yield "longest_paragraph", f"a paragraph of {longest} characters"
    if not keep.code_blocks and "```" in text:
        yield "code_blocks", "it has a code block"


def _order(group: Group, number: int) -> tuple[float, int, int]:
    return (-(group.rewards[number].total or 0.0), len(group.completions[number].tokens), number)
