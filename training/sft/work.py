"""Supervised fine-tuning, step by step: a batch of examples → the mean of their tokens' losses.

It goes through the same engine, chunks and checkpoints as GRPO. B sequences, T time.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch

from training import checkpoint
from training.batch import Batch, make_batch
from training.chunks import Sequence
from training.config import DistillStageConfig, SftStageConfig
from training.grpo.aggregation import Whole, aggregate
from training.grpo.metrics import expert_load, extra_losses
from training.grpo.step import chunks_of, losses_beside
from training.grpo.stopwatch import Stopwatch
from training.grpo.tally import Tally
from training.grpo.work import make_engine
from training.model import MtpMode, Policy, policy
from training.model.policy import shares_prompts
from training.schedule import cosine
from training.setup import Setup
from training.sft.data import Example, Examples
from training.work import Tell, Told, Work, counted


class SftWork(Work):
    """Trains the setup's model on examples."""

    def __init__(
        self,
        setup: Setup,
        stage: SftStageConfig | DistillStageConfig,
        files: dict[str, Path],
        tell: Tell,
    ) -> None:
        """`files` are the stage's data by the config field that names them. Raises TaskError."""
        self._setup, self._stage, self._tell = setup, stage, tell
        self.watch = Stopwatch(setup.process.device)
        self.examples = Examples(files, setup.tokenizer, setup.source, setup.config.seed)
        self.engine = make_engine(setup, setup.model)
        self._positions = getattr(setup.model.config, "max_position_embeddings", None)

    @property
    def policy(self) -> Policy:
        return self.engine.policy

    @property
    def parameters(self) -> int:
        return counted(self.engine.policy)

    def step(self, step: int) -> Told:
        setup, config = self._setup, self._setup.config
        self._tell("phase", step, phase="training")
        started = time.monotonic()
        examples, too_long = self._examples(step)
        read_s = time.monotonic() - started
        rate = config.optim.learning_rate
        last = rate if self._stage.final_learning_rate is None else self._stage.final_learning_rate
        rate = cosine(step, config.optim.warmup_steps, setup.steps, rate, last)
        with self.watch.part("update"):
            tally = self._backward(examples)
            result = self.engine.step(rate)
            counts_LE = self.engine.balance_experts(config.optim.expert_bias_rate)
        tally.sums["too_long"] += too_long
        totals = tally.over_ranks(setup.process)
        tokens, sequences = round(totals["tokens"]), round(totals["sequences"])
        values = {
            "optim/loss": totals["loss"],
            "entropy/mean": totals["entropy"] / max(1, tokens),
            "optim/grad_norm": result.grad_norm,
            "optim/learning_rate": rate,
            "completion/length_mean": tokens / max(1, sequences),
            "sft/epoch": step * self._stage.sequences_per_step / len(self.examples),
            "sft/too_long": totals["too_long"],
            **expert_load(counts_LE),
            **extra_losses(totals),
            "time/data_s": read_s,
        }
        return Told(tokens, values, sequences, skipped=result.skipped)

    def save(self, partial: Path) -> None:
        if self._setup.process.is_main:
            policy.save(self.engine.policy, partial / checkpoint.WEIGHTS, self._setup.source)
        self.engine.save(partial / checkpoint.ENGINE)

    def _examples(self, step: int) -> tuple[list[Example], int]:
        """This rank's share of a step; and how many of it are longer than the model has room for,
        which are left out."""
        process, size = self._setup.process, self._stage.sequences_per_step
        mine = range((step - 1) * size + process.rank, step * size, process.world_size)
        found = [self.examples.at(place) for place in mine]
        room = self._positions
        fit = [each for each in found if room is None or sum(map(len, each)) <= room]
        return fit, len(found) - len(fit)

    def _backward(self, examples: list[Example]) -> Tally:
        """Add up the gradient, chunk by chunk; what is told of this rank's tokens."""
        engine, optim, device = self.engine, self._setup.config.optim, self._setup.process.device
        tokens = sum(len(each.completion) for each in examples)
        mine = torch.tensor([len(examples), tokens])
        sequences, tokens = engine.process.sum(mine).tolist()
        whole = Whole(sequences, tokens, longest=0)
        tally = Tally()
        names = ("loss", "entropy", "tokens", "too_long")
        tally.sums.update({**dict.fromkeys(names, 0.0), "sequences": float(len(examples))})
        batch, lengths = _batch(examples or [Example([0], [0])], device)
        budget, shared = self._setup.config.hardware.chunk_tokens, shares_prompts(engine.policy)
        chunks = chunks_of(lengths if examples else [], engine, budget, shared=shared)
        mtp: MtpMode = "detached" if optim.mtp_weight else "off"
        for number, rows in enumerate(chunks):
            some, last = rows or [0], number + 1 == len(chunks)
            longest = max(lengths[row].prompt + lengths[row].completion for row in some)
            part = batch.part(some, longest)
            inputs = (part.tokens_BT, part.mask_BT, part.completion_BT, 1.0)
            if not rows:
                engine.take_part(*inputs, mtp=mtp, balance=optim.balance_loss > 0, last=last)
                continue
            result = engine.logprobs(*inputs, mtp=mtp, balance=optim.balance_loss > 0)
            loss = aggregate(-result.logprobs_BT, part.completion_BT, "token", whole)
            beside, sums = losses_beside(result, part.completion_BT, optim, whole)
            engine.backward(loss + beside, last=last)
            count = part.completion_BT.sum()
            tally.add({"loss": loss, "entropy": result.entropy_BT.sum(), "tokens": count, **sums})
        return tally


def _batch(examples: list[Example], device: torch.device) -> tuple[Batch, list[Sequence]]:
    prompts, completions = (
        [each.prompt for each in examples],
        [each.completion for each in examples],
    )
    lengths = [
        Sequence(number, len(each.prompt), len(each.completion))
        for number, each in enumerate(examples)
    ]
    return make_batch(prompts, completions, device), lengths
