"""What the journal keeps of a step's completions.

B completions of this rank, T time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from training.config import RolloutsConfig
from training.events import TOKEN_STEPS, UNKNOWN, CompletionRecord, pack_tokens
from training.grpo.portion import Portion
from training.grpo.rollouts import Group, joined, text_tokens, total
from training.tokenizer import TextTokenizer

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """What the trainer's forward made of this rank's completions while it trained on them."""

    entropy_BT: Tensor
    """0 outside the completions."""
    difference_BT: Tensor | None
    """The trainer's log-probability of each token, when it was sampled, less the sampler's. None
    where only the sampler could tell it."""
    completion_BT: Tensor
    """Bool."""

    def entropy_means(self) -> list[float]:
        lengths_B = self.completion_BT.sum(1)
        means: list[float] = (self.entropy_BT.sum(1) / lengths_B).tolist()
        return means

    def rows(self, count: int) -> list[dict[str, Floats]]:
        """Of the first `count` completions the numbers token by token."""
        completion_BT = self.completion_BT[:count]
        ends = completion_BT.sum(1).cumsum(0).tolist()[:-1]
        told = {"entropies": self.entropy_BT, "differences": self.difference_BT}
        split = {
            name: np.split(x_BT[:count][completion_BT].float().cpu().numpy(), ends)
            for name, x_BT in told.items()
            if x_BT is not None
        }
        return [{name: rows[row] for name, rows in split.items()} for row in range(count)]


Gathered = list[tuple[Group, list[CompletionRecord], bool]]
"""Groups with their records, and whether something of them is made use of."""


def share_of(config: RolloutsConfig, portion: Portion) -> int | None:
    """Of how many of its groups a rank tells every token; None: of all."""
    whole, rest = divmod(config.detailed_groups, portion.teams)
    shares = {"none": 0, "some": whole + (portion.team < rest), "all": None}
    return shares[config.token_detail]


def records_of(
    groups: list[Group], seen: Seen | None, tokenizer: TextTokenizer, detailed: int | None
) -> list[list[CompletionRecord]]:
    """The records of each group, every token of the first `detailed` ones (None: of all) among
    them. `seen` is of the same groups' completions; None: they were not trained on."""
    sizes = [len(group.completions) for group in groups]
    wanted = sum(sizes[:detailed])
    entropies = iter(seen.entropy_means() if seen else [None] * sum(sizes))
    rows: list[dict[str, Floats]] = [{} for _ in range(wanted)]
    if seen and wanted:
        rows = seen.rows(wanted)
    each = iter(rows)
    return [list(_records(group, entropies, each, tokenizer)) for group in groups]


def whole_groups(gathered: Gathered) -> Gathered:
    """What was gathered from all ranks, put together where several have written a group."""
    found: Gathered = []
    for _, of_group in groupby(gathered, lambda each: each[0].number):
        parts, records, used = zip(*of_group, strict=True)
        found.append((joined(parts), [*chain.from_iterable(records)], any(used)))
    return found


def rollouts_of(gathered: Gathered, steps_before: int) -> list[dict[str, Any]]:
    """The fields of the step's rollouts events, of groups with their records and whether they are
    trained on. `steps_before` the stage count into the policies' versions."""
    return [
        {
            "group": place,
            "trained": trained,
            "policy_version": steps_before + group.policy_version,
            "fingerprint": group.fingerprint,
            "prompt": group.prompt,
            "question": group.problem.question,
            "answer": group.problem.answer,
            "task": group.problem.task,
            "difficulty": group.problem.difficulty,
            "completions": records,
        }
        for place, (group, records, trained) in enumerate(gathered)
    ]


def _records(
    group: Group,
    entropies: Iterator[float | None],
    rows: Iterator[dict[str, Floats]],
    tokenizer: TextTokenizer,
) -> Iterator[CompletionRecord]:
    for place, (completion, reward) in enumerate(
        zip(group.completions, group.rewards, strict=True)
    ):
        row = next(rows, None)
        yield CompletionRecord(
            text=group.texts[place],
            reward=total(reward),
            rewards=reward.scored,
            reward_errors=reward.errors,
            advantage=group.advantages[place],
            length=len(completion.tokens),
            finish_reason=completion.finish_reason,
            logprob_mean=sum(completion.logprobs) / len(completion.logprobs),
            parsed=reward.parsed,
            reasons=reward.reasons or {},
            entropy_mean=next(entropies),
            tokens=None if row is None else _tokens(group, place, row, tokenizer),
        )


def _tokens(
    group: Group, place: int, row: dict[str, Floats], tokenizer: TextTokenizer
) -> str | None:
    """None for a text whose characters cannot be told apart by token."""
    completion = group.completions[place]
    lengths = tokenizer.characters(text_tokens(completion), group.texts[place])
    if lengths is None:
        return None
    ended = [0] * (len(completion.tokens) - len(lengths))  # the end token has no text
    row = {"logprobs": np.array(completion.logprobs, np.float32), **row}
    return pack_tokens(
        np.array([*lengths, *ended], "<u2").tobytes(),
        {name: _in_steps(values, TOKEN_STEPS[name]) for name, values in row.items()},
    )


def _in_steps(values: Floats, step: float) -> bytes:
    """Whole steps of 16 bits, the low byte first."""
    steps = np.clip(np.rint(values / step), UNKNOWN + 1, -UNKNOWN - 1)
    return np.where(np.isnan(steps), UNKNOWN, steps).astype("<i2").tobytes()
