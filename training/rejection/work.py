"""Rejection sampling, step by step: sample → reward → keep."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from training import checkpoint
from training.config import RejectionSamplingStageConfig
from training.events import StageOutput
from training.grpo.metrics import reward_warnings, rollout_metrics
from training.grpo.rollouts import Group
from training.grpo.stopwatch import Stopwatch
from training.grpo.telling import rollouts_of
from training.rejection.keeping import choose
from training.rewards import Reward
from training.sampled import Sampled, dataset_of, made_data
from training.setup import Setup
from training.work import Tell, Told, Work, counted

Verdicts = list[tuple[str, str]]


class RejectionWork(Work):
    """Samples from the setup's model, which stays as it is."""

    def __init__(
        self,
        setup: Setup,
        stage: RejectionSamplingStageConfig,
        tell: Tell,
        stopped: Callable[[], bool],
    ) -> None:
        self._setup, self._stage, self._tell, self._stopped = setup, stage, tell, stopped
        self.watch = Stopwatch(setup.process.device)
        self._sampled = Sampled(setup)
        self._dataset = dataset_of(setup)

    @property
    def parameters(self) -> int:
        return counted(self._setup.model)

    def step(self, step: int) -> Told | None:
        setup = self._setup
        self._tell("phase", step, phase="sampling")
        collection = self._sampled.collect()
        if self._stopped():
            self._sampled.give_back()
            return None
        verdicts = [choose(group, self._stage.keep) for group in collection.groups]
        pairs = list(zip(collection.groups, verdicts, strict=True))
        groups = [_marked(group, verdict) for group, verdict in pairs]
        kept = [row for group, verdict in pairs for row in self._rows(group, verdict, step)]
        rows, reasons = setup.process.gather(kept), setup.process.gather(verdicts)
        used = [any(not reason for reason, _ in verdict) for verdict in verdicts]
        gathered, tokens = self._sampled.gather(groups, used)
        if self._dataset is None:
            return Told(tokens)
        self._dataset.add(rows)
        records = [each for _, each, _ in gathered]
        values = rollout_metrics(records) | {
            "keep/rows_total": float(self._dataset.rows),
            **_dropped(reasons),
            "time/rollout_s": collection.rollout_s,
            "time/reward_s": collection.reward_s,
        }
        sampled, told = sum(map(len, records)), rollouts_of(gathered, setup.planned.before)
        return Told(tokens, values, sampled, told, reward_warnings(records))

    def save(self, partial: Path) -> None:
        if self._setup.process.is_main:
            _link_tree(self._setup.source, partial / checkpoint.WEIGHTS)
        self._sampled.save(partial)

    def outputs(self) -> list[StageOutput]:
        return made_data(self._setup, self._dataset, self._stage.keep.model_dump(mode="json"))

    def _rows(self, group: Group, verdicts: Verdicts, step: int) -> list[dict[str, Any]]:
        return [
            {
                "prompt": group.prompt,
                "completion": group.texts[number],
                "question": group.problem.question,
                "answer": group.problem.answer,
                "task": group.problem.task,
                "reward": group.rewards[number].total,
                "step": self._setup.planned.before + step,
            }
            for number, (reason, _) in enumerate(verdicts)
            if not reason
        ]


def _marked(group: Group, verdicts: Verdicts) -> Group:
    """With a part `kept` beside the rewards, of no weight, and the reason why not."""

    def marked(reward: Reward, word: str, reason: str) -> Reward:
        reasons = {**(reward.reasons or {}), **({"kept": reason} if word else {})}
        return replace(reward, parts={**reward.parts, "kept": float(not word)}, reasons=reasons)

    rewards = [
        marked(reward, *verdict) for reward, verdict in zip(group.rewards, verdicts, strict=True)
    ]
    return replace(group, rewards=rewards, advantages=[0.0] * len(rewards))


def _dropped(verdicts: list[Verdicts]) -> dict[str, float]:
    """Share of the completions that were dropped, by reason."""
    words = Counter(word for each in verdicts for word, _ in each)
    all_of_them = words.total()
    del words[""]
    return {f"keep/dropped_{word}": n / all_of_them for word, n in sorted(words.items())}


def _link_tree(source: Path, target: Path) -> None:
    """The same files once more, taking no room where the file system has hard links: no file of
    weights is ever written into again."""
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.is_file():
            try:
                os.link(file.resolve(), target / file.name)
            except OSError:  # another file system, or one without links
                shutil.copyfile(file, target / file.name)
