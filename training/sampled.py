"""Groups from a policy that stays as it is, for stages that sample and don't train it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from training.events import StageOutput
from training.grpo.collect import Collection, Collector, Cursor
from training.grpo.portion import Portion
from training.grpo.rollouts import Group, joined
from training.grpo.telling import Gathered, records_of, share_of
from training.provenance.made import made_card
from training.rejection.dataset import Dataset, path_of
from training.saving import file_of_rank
from training.setup import Setup


class Sampled:
    """One rank's groups, a step's at a time; goes on after `setup.start`."""

    def __init__(self, setup: Setup) -> None:
        process = setup.process
        self._setup = setup
        self._portion = Portion.of(setup.config.grpo, process.rank, process.world_size)
        self._collector = Collector(
            setup.config, setup.task, setup.template, setup.tokenizer, setup.rewards, self._portion
        )
        model = setup.model.eval().requires_grad_(False).to(process.device)
        self._sampler = setup.make_sampler(model, 0)
        self._before = self._cursor = _read_cursor(setup)
        self._detailed = share_of(setup.config.rollouts, self._portion)

    def collect(self) -> Collection:
        """The next step's. Groups are whole: of those that ranks have written together the first of
        these has all, and the others none."""
        self._before = self._cursor
        collection, self._cursor = self._collector.collect(self._sampler, self._cursor, 0)
        parts = self._setup.process.gather_in_team(collection.groups, self._portion.team_size)
        by_number = groupby(parts, lambda part: part.number)
        return replace(collection, groups=[joined(list(each)) for _, each in by_number])

    def give_back(self) -> None:
        """The last collection was not made use of."""
        self._cursor = self._before

    def gather(self, groups: list[Group], used: list[bool]) -> tuple[Gathered, int]:
        """All ranks' groups on rank 0; and how many tokens they have, which all ranks learn."""
        process = self._setup.process
        records = records_of(groups, None, self._setup.tokenizer, self._detailed)
        tokens = sum(len(one.tokens) for group in groups for one in group.completions)
        total = int(process.sum(torch.tensor(tokens)))
        return process.gather(list(zip(groups, records, used, strict=True))), total

    def save(self, partial: Path) -> None:
        with file_of_rank(partial, self._setup.process.rank).open("wb") as file:
            pickle.dump(self._cursor, file)


def dataset_of(setup: Setup) -> Dataset | None:
    """Where rank 0 puts what the stage makes of its groups; the others have none."""
    if not setup.process.is_main:
        return None
    path = path_of(setup.run_dir, setup.planned.name)
    return Dataset(path, setup.planned.before, setup.step)


def made_data(setup: Setup, dataset: Dataset | None, rules: dict[str, Any]) -> list[StageOutput]:
    """What the finished dataset is, for the journal, with its card beside it. `rules`: by which its
    rows were chosen."""
    if dataset is None:
        return []
    digest = dataset.sha256()
    made_card(
        dataset.path, stage=setup.planned.name, checkpoint=str(setup.source), rules=rules,
        seed=setup.config.seed, rows=dataset.rows, sha256=digest,
    )  # fmt: skip
    path = str(dataset.path.relative_to(setup.run_dir))
    return [StageOutput(role="data", path=path, rows=dataset.rows, sha256=digest)]


def _read_cursor(setup: Setup) -> Cursor:
    if setup.start is None:
        return Cursor()
    with file_of_rank(setup.start.path, setup.process.rank).open("rb") as file:
        cursor: Cursor = pickle.load(file)  # noqa: S301 - our own; its checksum was verified
    return cursor
