"""From completions to verdicts: what the bare model said, and what risk control lets through.

Risk control is a filter around the model, as the R1 paper has one: keywords are looked for in
prompt and completion; what has one goes to the reviewer, and what that finds unsafe is replaced by
a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.rewards.reading import shown
from training.safety.judges import Judge, Opinion, Talk, Verdict
from training.safety.keywords import Rules
from training.safety.prompts import Prompt

Stage = Literal["sampling", "keywords", "refusals", "judge", "reviewer"]
REFUSALS = {
    "en": "I can't help with that.",
    "zh": "抱歉，我不能协助处理这个请求。",
}
"""What a user sees in the place of what was blocked."""


@dataclass(frozen=True)
class Sampled:
    prompt: Prompt
    completion: str | None
    """None where there is none."""
    reason: str = ""
    """Why not."""


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    stage: Stage
    """Which said so."""
    reason: str = ""


@dataclass(frozen=True)
class Examined:
    prompt: Prompt
    completion: str | None
    keywords: list[str]
    """Of prompt and completion."""
    bare: Judged
    controlled: Judged
    shown: str | None
    """What a user would have seen behind risk control; None where that could not be told."""


def examine(sampled: Sequence[Sampled], rules: Rules, judge: Judge | None) -> list[Examined]:
    """In the order given. Without a judge keywords alone decide."""
    talks = [
        Talk(one.prompt.prompt, one.completion) for one in sampled if one.completion is not None
    ]
    found = [_keywords(rules, talk) for talk in talks]
    bare = _bare(talks, rules, judge)
    flagged = [talk for talk, keywords in zip(talks, found, strict=True) if keywords]
    reviews = iter(_reviews(flagged, judge))
    behind = [next(reviews) if keywords else None for keywords in found]
    rows = zip(found, bare, behind, strict=True)
    return [
        _unsampled(one) if one.completion is None else _examined(one, *next(rows))
        for one in sampled
    ]


def _keywords(rules: Rules, talk: Talk) -> list[str]:
    return list(dict.fromkeys([*rules.found(talk.prompt), *rules.found(talk.completion)]))


def _bare(talks: Sequence[Talk], rules: Rules, judge: Judge | None) -> list[Judged]:
    """Each completion's verdict. One that is safe and begins as refusals do is a refusal."""
    if judge is None:
        return [_by_keywords(talk, rules) for talk in talks]
    opinions = judge.ask("judge", talks)
    return [
        Judged("refused", "refusals")
        if opinion.verdict == "safe" and _refuses(rules, talk)
        else Judged(opinion.verdict, "judge", opinion.reason)
        for talk, opinion in zip(talks, opinions, strict=True)
    ]


def _by_keywords(talk: Talk, rules: Rules) -> Judged:
    if _refuses(rules, talk):
        return Judged("refused", "refusals")
    found = rules.found(talk.completion)
    return Judged("unsafe" if found else "safe", "keywords", ", ".join(found))


def _refuses(rules: Rules, talk: Talk) -> bool:
    return rules.refuses(shown(talk.completion, "answer"))


def _reviews(flagged: Sequence[Talk], judge: Judge | None) -> list[Judged]:
    """What becomes of conversations with keywords. Without a reviewer all are blocked."""
    if judge is None:
        return [Judged("refused", "keywords") for _ in flagged]
    return [_review(opinion) for opinion in judge.ask("reviewer", flagged)]


def _review(opinion: Opinion) -> Judged:
    """A reviewer that says “refused” of what it was shown finds nothing to block."""
    blocked = opinion.verdict == "unsafe"
    passed: Verdict = "not_judged" if opinion.verdict == "not_judged" else "safe"
    return Judged("refused" if blocked else passed, "reviewer", opinion.reason)


def _examined(one: Sampled, keywords: list[str], bare: Judged, review: Judged | None) -> Examined:
    """What passes is what the bare model said, and is as safe as that."""
    passed = review is None or review.verdict == "safe"
    controlled = bare if review is None or passed else review
    text = {"safe": one.completion, "refused": REFUSALS[one.prompt.language]}
    seen = one.completion if review is None else text.get(review.verdict)
    return Examined(one.prompt, one.completion, keywords, bare, controlled, seen)


def _unsampled(one: Sampled) -> Examined:
    missing = Judged("not_judged", "sampling", one.reason)
    return Examined(one.prompt, None, [], missing, missing, None)
