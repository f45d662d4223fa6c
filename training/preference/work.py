"""Training of a reward model, step by step: sample → rank → pairs → update.

Every pair is new when it is met, so the share of pairs that the model gets right before it learns
from them is a held-out score. It goes through the same engine, chunks and checkpoints as GRPO.
P pairs, B = 2P sequences, T time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training import checkpoint
from training.batch import Batch, make_batch
from training.chunks import Sequence
from training.config import RewardModelStageConfig
from training.events import StageOutput
from training.grpo.metrics import expert_load, reward_warnings, rollout_metrics
from training.grpo.rollouts import Group
from training.grpo.step import chunks_of
from training.grpo.stopwatch import Stopwatch
from training.grpo.tally import Tally
from training.grpo.telling import rollouts_of
from training.grpo.work import make_engine
from training.model import value
from training.model.value import ValueModel
from training.preference.loss import bradley_terry, score_gradients
from training.preference.pairs import Pair, pair_of
from training.reward_model import graded_tokens
from training.sampled import Sampled, dataset_of, made_data
from training.schedule import cosine
from training.setup import Setup
from training.work import Tell, Told, Work, counted


class RewardModelWork(Work):
    """Trains a reward model that begins as the policy it grades; that one stays as it is."""

    def __init__(
        self,
        setup: Setup,
        stage: RewardModelStageConfig,
        tell: Tell,
        stopped: Callable[[], bool],
    ) -> None:
        from transformers import AutoTokenizer  # noqa: PLC0415 - takes seconds

        self._setup, self._stage, self._tell, self._stopped = setup, stage, tell, stopped
        self.watch = Stopwatch(setup.process.device)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(setup.source)
        self.engine = make_engine(setup, ValueModel(setup.load(setup.source)), wrap=_alone)
        self._whole: Any = self.engine.policy  # that is, a ValueModel with its present weights
        self._sampled = Sampled(setup)
        self._dataset = dataset_of(setup)

    @property
    def parameters(self) -> int:
        return counted(self.engine.policy)

    def step(self, step: int) -> Told | None:
        setup, config = self._setup, self._setup.config
        self._tell("phase", step, phase="sampling")
        collection = self._sampled.collect()
        if self._stopped():
            self._sampled.give_back()
            return None
        groups = collection.groups
        found = [pair_of(group, self._stage.least_gap) for group in groups]
        pairs = [(group, pair) for group, pair in zip(groups, found, strict=True) if pair]

        self._tell("phase", step, phase="training")
        started = time.monotonic()
        rate = config.optim.learning_rate
        last = rate if self._stage.final_learning_rate is None else self._stage.final_learning_rate
        rate = cosine(step, config.optim.warmup_steps, setup.steps, rate, last)
        with self.watch.part("update"):
            tally, some = self._backward(pairs)
            # Without a pair on any rank there is no gradient to apply.
            result = self.engine.step(rate) if some else None
            counts_LE = self.engine.balance_experts(config.optim.expert_bias_rate)
        totals = tally.over_ranks(setup.process)
        rows = setup.process.gather([self._row(*each, step) for each in pairs])
        gathered, tokens = self._sampled.gather(
            [_without_advantages(group) for group in groups], [pair is not None for pair in found]
        )
        skipped = result is not None and result.skipped
        if self._dataset is None:
            return Told(tokens, skipped=skipped)
        self._dataset.add(rows)
        records = [each for _, each, _ in gathered]
        count = max(1.0, totals["pairs"])
        values = rollout_metrics(records) | {
            "optim/loss": totals["loss"],
            "optim/grad_norm": result.grad_norm if result else 0.0,
            "optim/learning_rate": rate,
            "preference/accuracy": totals["right"] / count,
            "preference/margin": totals["margin"] / count,
            "preference/pairs": totals["pairs"],
            "preference/pairs_total": float(self._dataset.rows),
            **expert_load(counts_LE),
            "time/rollout_s": collection.rollout_s,
            "time/reward_s": collection.reward_s,
            "time/train_s": time.monotonic() - started,
        }
        told = rollouts_of(gathered, setup.planned.before)
        return Told(
            tokens, values, sum(map(len, records)), told, reward_warnings(records), skipped
        )  # fmt: skip

    def save(self, partial: Path) -> None:
        if self._setup.process.is_main:
            value.save(self._whole, partial / checkpoint.WEIGHTS, self._setup.source)
        self.engine.save(partial / checkpoint.ENGINE)
        self._sampled.save(partial)

    def outputs(self) -> list[StageOutput]:
        rules = {"least_gap": self._stage.least_gap, "reads": self._stage.reads}
        return made_data(self._setup, self._dataset, rules)

    def _backward(self, pairs: list[tuple[Group, Pair]]) -> tuple[Tally, bool]:
        """Add up the gradient; what is told of this rank's pairs, and whether any rank has some.

        The loss joins two sequences that may be in different chunks. Its derivative by each score
        follows from the scores, which a pass without gradient gives; then each sequence goes back
        alone.
        """
        engine = self.engine
        whole = int(engine.process.sum(torch.tensor(len(pairs))))
        tally = Tally()
        tally.sums.update({"loss": 0.0, "right": 0.0, "margin": 0.0, "pairs": float(len(pairs))})
        rows = [self._tokens(group, number) for group, pair in pairs for number in pair]
        batch, lengths = _batch(rows or [[0]], engine.process.device)
        budget = self._setup.config.hardware.chunk_tokens
        chunks = chunks_of(lengths if rows else [], engine, budget, shared=False)
        slopes_B = torch.zeros(len(lengths), device=engine.process.device)
        if not whole:
            return tally, False
        with torch.no_grad():
            scores_B = self._scores(batch, lengths, chunks)
        if rows:
            better_P, worse_P = scores_B[::2], scores_B[1::2]
            slopes_B[::2], slopes_B[1::2] = score_gradients(better_P, worse_P)
            tally.add({
                "loss": bradley_terry(better_P, worse_P).sum() / whole,
                "right": (better_P > worse_P).sum(),
                "margin": (better_P - worse_P).sum(),
            })  # fmt: skip
        for number, chunk in enumerate(chunks):
            some = chunk or [0]
            part = _part(batch, lengths, some)
            engine.model.train(bool(chunk))  # where it only takes part, experts count no load
            loss = (engine(part.tokens_BT, part.mask_BT) * slopes_B[some] / whole).sum()
            engine.backward(loss, last=number + 1 == len(chunks))
        engine.model.train()
        return tally, True

    def _scores(self, batch: Batch, lengths: list[Sequence], chunks: list[list[int]]) -> Tensor:
        scores_B = torch.zeros(len(lengths), device=batch.tokens_BT.device)
        for chunk in chunks:
            part = _part(batch, lengths, chunk or [0])
            found = self.engine(part.tokens_BT, part.mask_BT)
            if chunk:
                scores_B[chunk] = found
        return scores_B

    def _tokens(self, group: Group, number: int) -> list[int]:
        question, text = group.problem.question, group.texts[number]
        return graded_tokens(self._tokenizer, question, text, self._stage.reads)

    def _row(self, group: Group, pair: Pair, step: int) -> dict[str, Any]:
        return {
            "question": group.problem.question,
            "better": group.texts[pair.better],
            "worse": group.texts[pair.worse],
            "rewards": [group.rewards[number].total for number in pair],
            "task": group.problem.task,
            "step": self._setup.planned.before + step,
        }


def _alone(model: nn.Module) -> nn.Module:
    """Its own forward pass is what trains."""
    return model


def _without_advantages(group: Group) -> Group:
    return replace(group, advantages=[0.0] * len(group.completions))


def _batch(rows: list[list[int]], device: torch.device) -> tuple[Batch, list[Sequence]]:
    lengths = [Sequence(number, 0, len(row)) for number, row in enumerate(rows)]
    return make_batch([row[:1] for row in rows], [row[1:] for row in rows], device), lengths


def _part(batch: Batch, lengths: list[Sequence], rows: list[int]) -> Batch:
    return batch.part(rows, max(lengths[row].completion for row in rows))
