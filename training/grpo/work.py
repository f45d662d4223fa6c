"""GRPO, step by step: sample → reward → advantage → update.

As in the R1 paper: advantage relative to the group, clipped ratio, k3 KL in the loss, reference
replaced every so many steps, one collection of rollouts for `steps_per_collection` optimiser
steps.
"""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from training import checkpoint
from training.distributed.engine import Engine, StepResult
from training.grpo.ahead import Ahead
from training.grpo.collect import Collector
from training.grpo.metrics import (
    Silence,
    acceptance,
    expert_load,
    extra_losses,
    reward_warnings,
    rollout_metrics,
    staleness,
    update_metrics,
)
from training.grpo.portion import Portion
from training.grpo.rollouts import Group, as_sampled, compared, pass_rates
from training.grpo.saving import Kept, read_kept
from training.grpo.step import make_minibatch, update, with_old_logprobs
from training.grpo.stopwatch import Stopwatch
from training.grpo.tally import Tally
from training.grpo.telling import Seen, records_of, rollouts_of, share_of, whole_groups
from training.model import Policy, policy
from training.rollout.engine import Guesses
from training.saving import file_of_rank
from training.schedule import warmup
from training.setup import Setup
from training.work import Tell, Told, Work, counted


class GrpoWork(Work):
    """Trains the setup's model by GRPO."""

    def __init__(self, setup: Setup, tell: Tell, stopped: Callable[[], bool]) -> None:
        """Goes back to `setup.start` if there is one. Raises ExpertParallelError."""
        config, process = setup.config, setup.process
        self._setup, self._tell, self._stopped = setup, tell, stopped
        self.watch = Stopwatch(process.device)
        self.reference = _reference(setup)
        """None where the KL has no weight."""
        self.engine = make_engine(setup, setup.model)
        kept = read_kept(setup.start, process.rank)
        if setup.start is not None:
            setup.task.restore(kept.task)
        self._waiting = kept.waiting  # the rest of a collection, a step's groups each
        self._portion = Portion.of(config.grpo, process.rank, process.world_size)
        collector = Collector(
            config, setup.task_ahead, setup.template, setup.tokenizer, setup.rewards, self._portion
        )
        staleness_, stock = config.sampling.staleness, kept.stock
        self._ahead = Ahead(collector, self.engine.policy, setup.make_sampler, staleness_, stock)
        # Whether what is trained on was sampled from earlier policies.
        self._behind = staleness_ > 0 or config.sampling.carry_over > 0
        self._detailed = share_of(config.rollouts, self._portion)
        self._silence = Silence()

    @property
    def policy(self) -> Policy:
        return self.engine.policy

    @property
    def parameters(self) -> int:
        return counted(self.engine.policy)

    def step(self, step: int) -> Told | None:
        setup, config, grpo = self._setup, self._setup.config, self._setup.config.grpo
        started = time.monotonic()

        # Take a collection: each rank its own prompts, a group of scored completions for each, or
        # its members of one.
        rollout_s = reward_s = wait_s = 0.0
        guesses, dropped = Guesses(0, 0), list[Group]()
        if not self._waiting:
            self._tell("phase", step, phase="sampling")
            collection = self._ahead.take(step - 1, setup.task.state())
            wait_s, guesses = time.monotonic() - started, collection.guesses
            rollout_s, reward_s = collection.rollout_s, collection.reward_s
            dropped = collection.dropped
            if self._stopped():
                self._ahead.give_back(collection)
                return None
            setup.task.observe(pass_rates(collection.groups + dropped, setup.process.share))
            ahead = config.sampling.staleness * grpo.steps_per_collection
            if ahead and step + ahead <= grpo.steps:
                self._ahead.sample(step - 1, setup.task.state())
            self._waiting = self._compared(collection.groups)

        # Update on this step's share of the collection.
        self._tell("phase", step, phase="training")
        with self.watch.part("update"):
            groups = self._waiting.pop(0)
            learning_rate = config.optim.learning_rate * warmup(step, config.optim.warmup_steps)
            result, tally, seen, counts_LE = self._update(groups, step, learning_rate)

        # What it came to: metrics over all ranks, and every completion.
        tally.sums.update(guesses_made=guesses.made, guesses_stood=guesses.stood)
        totals = tally.over_ranks(setup.process)
        if self._behind and grpo.correction is None:
            seen = replace(seen, difference_BT=None)  # the policy that sampled is gone
        records = records_of(groups, seen, setup.tokenizer, self._detailed)
        nothing = None if self._detailed is None else 0
        flat_records = records_of(dropped, None, setup.tokenizer, nothing)
        parts = setup.process.gather(
            [(group, each, True) for group, each in zip(groups, records, strict=True)]
            + [(group, each, False) for group, each in zip(dropped, flat_records, strict=True)]
        )
        gathered = whole_groups(parts)
        tokens = round(totals["tokens"])
        if not gathered:
            return Told(tokens, skipped=result.skipped)
        values = rollout_metrics([records for _, records, _ in gathered]) | {
            **update_metrics(totals),
            "optim/grad_norm": result.grad_norm,
            "optim/learning_rate": learning_rate,
            **expert_load(counts_LE),
            **extra_losses(totals),
            **acceptance(totals),
            "groups/dropped": float(sum(not trained for *_, trained in gathered)),
            **staleness(step, [group.policy_version for group, *_ in gathered]),
            **setup.task.metrics(),
            "time/rollout_s": rollout_s,
            "time/reward_s": reward_s,
            **({"time/wait_s": wait_s} if config.sampling.staleness else {}),
        }
        trouble = reward_warnings([records for _, records, _ in gathered])
        return Told(
            tokens,
            values,
            config.completions_per_step,
            rollouts_of(gathered, setup.planned.before),
            [*trouble, *self._silence.warnings(values)],
            result.skipped,
        )

    def save(self, partial: Path) -> None:
        setup, rank = self._setup, self._setup.process.rank
        if setup.process.is_main:
            policy.save(self.engine.policy, partial / checkpoint.WEIGHTS, setup.source)
            if self.reference is not None:
                policy.save(self.reference, partial / checkpoint.REFERENCE)
        kept = Kept(self._ahead.stock(), self._waiting, setup.task.state())
        with file_of_rank(partial, rank).open("wb") as file:
            pickle.dump(kept, file)
        self.engine.save(partial / checkpoint.ENGINE)

    def close(self) -> None:
        self._ahead.close()

    def _compared(self, groups: list[Group]) -> list[list[Group]]:
        """The collection in the shares of its steps, with advantages, and with what the ratio
        compares with where that is not the policy as it is now."""
        setup, config, grpo = self._setup, self._setup.config, self._setup.config.grpo
        here, scale = len(self._portion.prompts), grpo.loss.advantage_scale
        shares = [
            compared(groups[start : start + here], scale, self._portion, setup.process.sum)
            for start in range(0, len(groups), here)
        ]
        if self._behind and grpo.correction is None:
            return [as_sampled(share) for share in shares]
        if grpo.steps_per_collection == 1:
            return shares
        with self.watch.part("logprobs"):
            return [
                with_old_logprobs(share, self.engine, config, setup.process.device)
                for share in shares
            ]

    def _update(
        self, groups: list[Group], step: int, learning_rate: float
    ) -> tuple[StepResult, Tally, Seen, Tensor]:
        setup, config, grpo = self._setup, self._setup.config, self._setup.config.grpo
        device = setup.process.device
        minibatch = make_minibatch(groups, device, mask_truncated=grpo.mask_truncated)
        result, tally, seen = update(
            self.engine, minibatch, self.reference, config, learning_rate,
            longest=config.sampling.max_new_tokens_at(step), watch=self.watch,
        )  # fmt: skip
        counts_LE = self.engine.balance_experts(config.optim.expert_bias_rate)
        if self.reference and grpo.ref_refresh_steps and step % grpo.ref_refresh_steps == 0:
            self.reference.load_state_dict(self.engine.policy.state_dict())
        return result, tally, seen, counts_LE


def make_engine(setup: Setup, model: Any, **more: Any) -> Engine:
    """What trains `model` in this stage, back at `setup.start` if there is one. Raises
    ExpertParallelError."""
    hardware = setup.config.hardware
    engine = Engine(
        model, setup.process, setup.config.optim, zero_stage=hardware.zero_stage,
        dtype=setup.dtype, expert_ranks=hardware.expert_parallel, **more,
    )  # fmt: skip
    if setup.start is not None:
        engine.load(setup.start.path / checkpoint.ENGINE)
    return engine


def _reference(setup: Setup) -> Policy | None:
    if not setup.config.grpo.kl_coef:
        return None
    if setup.start is None:
        twin = copy.deepcopy(setup.model)
    else:
        twin = setup.load(setup.start.path / checkpoint.REFERENCE)
    return twin.eval().requires_grad_(False).to(setup.process.device)
