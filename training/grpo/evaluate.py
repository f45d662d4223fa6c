"""Held-out score of a policy: pass@1, pass@k, cons@k, each with its 95 % interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean

import torch

from training.config import RunConfig
from training.distributed.process import Process
from training.grpo.estimates import Estimate, pass_at_k
from training.grpo.held_out import HeldOut
from training.grpo.majority import cons_at_k, normal_form
from training.grpo.rollouts import candidate
from training.rewards import Candidate, Reward
from training.rewards.accuracy import answer_of
from training.rollout import Engine, Sampling

_SEED = 20250120
_FORMS_COMPARED = 12
"""A task's verifier is asked of so many different answers to a problem, the most frequent ones."""


@dataclass(frozen=True)
class _Graded:
    """One problem's completions."""

    right: list[bool | None]
    """None where it could not be told."""
    answers: list[str | None]
    """What each votes for; None without a vote."""
    formed: int
    lengths: list[int]


def evaluate(
    sampler: Engine, held_out: list[HeldOut], config: RunConfig, process: Process
) -> dict[str, float]:
    """The metrics of docs/evaluation.md; every rank does its share, all get all.

    The seeds never change, so that two policies are compared on the same luck.
    """
    values: dict[str, float] = {}
    for one in held_out:
        prefix = f"eval/{one.name}/" if one.name else "eval/"
        found = _evaluate(sampler, one, config, process)
        values |= {f"{prefix}{name}": value for name, value in found.items()}
    return values


def _evaluate(
    sampler: Engine, held_out: HeldOut, config: RunConfig, process: Process
) -> dict[str, float]:
    k = config.evaluation.at_k
    mine = list(range(process.rank, len(held_out.problems), process.world_size))
    size = config.evaluation_batch
    batches = [mine[start : start + size] for start in range(0, len(mine), size)]
    graded = [one for batch in batches for one in _grade(sampler, held_out, batch, config)]
    estimates = {"pass_at_1": _pass_at_1(graded)}
    if k > 1:
        estimates["pass_at_k"] = Estimate.of(_pass_at_k(one, k) for one in graded)
        estimates["cons_at_k"] = Estimate.of(cons_at_k(one.answers, one.right, k) for one in graded)
    lengths = [length for one in graded for length in one.lengths]
    counts = [len(lengths), sum(lengths), sum(one.formed for one in graded)]
    errors = sum(one.right.count(None) for one in graded)
    local = [number for estimate in estimates.values() for number in estimate]
    sums = process.sum(torch.tensor([*counts, errors, *local], dtype=torch.float64)).tolist()
    count, length, formed, errors, *rest = sums
    values = {}
    for place, name in enumerate(estimates):
        values |= _told(name, Estimate(*rest[4 * place : 4 * place + 4]))
    return values | {
        "format": formed / count,
        "length_mean": length / count,
        "errors": errors,
    }


def _told(name: str, estimate: Estimate) -> dict[str, float]:
    """Mean and interval. Nothing for cons@k where answers cannot be compared."""
    if name == "cons_at_k" and not estimate.problems:
        return {}
    low, high = estimate.interval
    return {name: estimate.mean, f"{name}_low": low, f"{name}_high": high}


def _pass_at_1(graded: list[_Graded]) -> Estimate:
    known = [[verdict for verdict in one.right if verdict is not None] for one in graded]
    shares = [fmean(verdicts) for verdicts in known if verdicts]
    return Estimate.of(shares, sum(map(len, known)))


def _pass_at_k(graded: _Graded, k: int) -> float:
    """Of the completions that could be scored."""
    known = [verdict for verdict in graded.right if verdict is not None]
    return pass_at_k(sum(known), len(known), k)


def _grade(
    sampler: Engine, held_out: HeldOut, which: list[int], config: RunConfig
) -> Iterator[_Graded]:
    """Sample and score the problems of these numbers, all at once."""
    size = config.evaluation.completions_per_problem
    completions = sampler.generate(
        [held_out.prompts[number] for number in which],
        group_size=size,
        sampling=replace(
            Sampling.of(config.sampling, 1),
            max_new_tokens=held_out.max_new_tokens,
            temperature=config.evaluation.temperature,
            top_p=config.evaluation.top_p,
            routing_replay=False,
        ),
        seeds=[_SEED + number for number in which],
        eos_id=held_out.tokenizer.eos_id,
    )
    seen = [candidate(one, held_out.tokenizer, held_out.max_new_tokens) for one in completions]
    groups = [seen[start : start + size] for start in range(0, len(seen), size)]
    keys = [("held out", number) for number in which]
    for key, group in zip(keys, groups, strict=True):
        problem = held_out.problems[key[1]]
        held_out.rewards.submit(key, problem, group, only=("accuracy", "format"))
    rewards = held_out.rewards.collect(keys)
    for key, group in zip(keys, groups, strict=True):
        yield _Graded(
            right=[_verdict(reward) for reward in rewards[key]],
            answers=_votes(held_out, key[1], group) if config.evaluation.at_k > 1 else [],
            formed=sum(reward.parts["format"] == 1.0 for reward in rewards[key]),
            lengths=[one.tokens for one in group],
        )


def _verdict(reward: Reward) -> bool | None:
    part = reward.parts["accuracy"]
    return None if part is None else part == 1.0


def _votes(held_out: HeldOut, number: int, group: list[Candidate]) -> list[str | None]:
    """What each completion of a problem votes for: equal texts for answers that are the same."""
    problem = held_out.problems[number]
    comparison = held_out.task.comparison(problem)
    if comparison == "none":
        return []
    answers = [answer_of(one.text) for one in group]
    forms = [None if answer is None else normal_form(answer) for answer in answers]
    if comparison == "text":
        return forms
    spelled = {
        form: answer for form, answer in zip(forms, answers, strict=True) if form is not None
    }
    same = _same_by_verifier(held_out, number, spelled, forms)
    return [None if form is None else same.get(form, form) for form in forms]


def _same_by_verifier(
    held_out: HeldOut, number: int, spelled: dict[str, str], forms: list[str | None]
) -> dict[str, str]:
    """For a form the more frequent one that the verifier takes for the same answer. It is asked as
    if that were the reference."""
    counts = Counter(form for form in forms if form is not None)
    common = [form for form, _ in counts.most_common(_FORMS_COMPARED)]
    problem = held_out.problems[number]
    later = {form: common[place + 1 :] for place, form in enumerate(common[:-1])}
    for form, others in later.items():
        texts = [f"<answer>{spelled[other]}</answer>" for other in others]
        candidates = [Candidate(text, tokens=1, max_tokens=1, ended=True) for text in texts]
        as_reference = replace(problem, answer=spelled[form])
        held_out.rewards.submit(("same", form), as_reference, candidates, only=("accuracy",))
    verdicts = held_out.rewards.collect([("same", form) for form in later])
    same: dict[str, str] = {}
    for form, others in later.items():
        for other, reward in zip(others, verdicts["same", form], strict=True):
            if _verdict(reward):
                same.setdefault(other, same.get(form, form))
    return same
