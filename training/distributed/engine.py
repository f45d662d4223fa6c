"""The model under training: DeepSpeed's ZeRO engine behind a few plain verbs.

SFT, pretraining and GRPO all train through this class. Gradients add up over `backward` calls
until `step`. A loss is this rank's share of the whole step's loss: shares of all ranks sum up to
it, however the step was cut into processes and microbatches.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.config import OptimConfig
from training.distributed import expert_parallel, zero
from training.distributed.optimizer import forget_empty_steps, make_optimizer
from training.distributed.process import Process
from training.model import (
    CompletionLogprobs,
    MtpMode,
    Policy,
    completion_logprobs,
    expert_counts,
    reset_expert_counts,
    update_expert_bias,
)


@dataclass(frozen=True)
class StepResult:
    grad_norm: float
    """Norm of the whole gradient before clipping; NaN when it was not finite."""
    skipped: bool
    """The gradient was not finite, so the weights stayed as they were."""


class _Logprobs(nn.Module):
    """DeepSpeed hooks into forward passes, so the one that trains must be a module's."""

    def __init__(self, model: Policy) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        tokens_BT: Tensor,
        mask_BT: Tensor,
        completion_BT: Tensor,
        temperature: float,
        mtp: MtpMode,
        balance: bool,
        experts_BTLK: Tensor | None,
    ) -> CompletionLogprobs:
        inputs = (tokens_BT, mask_BT, completion_BT, temperature)
        return completion_logprobs(
            self.model, *inputs, mtp=mtp, balance=balance, experts_BTLK=experts_BTLK
        )


class Engine:
    """Trains `model` with AdamW; weights in `dtype`, master weights in fp32, moments in
    `optim.moment_dtype`."""

    def __init__(
        self,
        model: Policy,
        process: Process,
        optim: OptimConfig,
        *,
        zero_stage: int,
        dtype: torch.dtype,
        expert_ranks: int = 1,
        wrap: Callable[[Any], nn.Module] = _Logprobs,
    ) -> None:
        """With `expert_ranks` above 1 so many ranks share out the experts (ZeRO 1 or 2). `wrap`
        makes the module whose forward pass trains; `logprobs` and `take_part` need the usual one.
        Raises ExpertParallelError."""
        self.process = process
        self.model = model.to(process.device, dtype)
        self._zero_stage, self._expert_ranks = zero_stage, expert_ranks
        sharded = zero_stage == 3 or expert_ranks > 1
        self._whole = copy.deepcopy(self.model).eval() if sharded else self.model
        if expert_ranks > 1:
            expert_parallel.share_out(self.model, expert_ranks, process.rank)
        wrapped = wrap(self.model)
        parameters = list(wrapped.parameters())
        self._adamw = make_optimizer(expert_parallel.optimizer_groups(parameters), optim)
        bucket = min(500_000_000, sum(parameter.numel() for parameter in parameters))
        self._engine = zero.initialize(
            wrapped,
            self._adamw,
            zero.settings(optim, zero_stage, dtype, bucket),
            degree=expert_ranks,
        )
        forget_empty_steps(self._adamw)

    @property
    def policy(self) -> Policy:
        """The whole model with its present weights, for sampling; not for training."""
        return self._whole

    def __call__(self, *inputs: Any) -> Any:
        """What `wrap`'s module makes of them; the result can be put into `backward`."""
        return self._engine(*inputs)

    def logprobs(
        self,
        tokens_BT: Tensor,
        mask_BT: Tensor,
        completion_BT: Tensor,
        temperature: float = 1.0,
        *,
        mtp: MtpMode = "off",
        balance: bool = False,
        experts_BTLK: Tensor | None = None,
    ) -> CompletionLogprobs:
        """See `training.model.completion_logprobs`; the result can be put into `backward`."""
        result: CompletionLogprobs = self._engine(
            tokens_BT, mask_BT, completion_BT, temperature, mtp, balance, experts_BTLK
        )
        return result

    def take_part(
        self,
        tokens_BT: Tensor,
        mask_BT: Tensor,
        completion_BT: Tensor,
        temperature: float,
        *,
        mtp: MtpMode,
        balance: bool,
        last: bool,
    ) -> None:
        """Pass through the model there and back beside the other ranks, which under ZeRO 3 gather
        weights together, with a gradient of zero and without counting the experts' load. `last`
        as in `backward`: of a rank that has nothing of a step."""
        self.model.eval()
        result = self.logprobs(
            tokens_BT, mask_BT, completion_BT, temperature, mtp=mtp, balance=balance
        )
        self.model.train()
        learnt = (result.logprobs_BT, result.mtp_BT, result.balance_B)
        self.backward(0.0 * sum(x.sum() for x in learnt if x is not None), last=last)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add this rank's share of the gradient; `last` on the last call before `step`."""
        self._engine.set_gradient_accumulation_boundary(last)
        # DeepSpeed averages over the ranks; shares are to be summed.
        self._engine.backward(loss * self.process.world_size)

    def step(self, learning_rate: float) -> StepResult:
        """Update the weights, unless the gradient is not finite."""
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate
        if self._zero_stage == 0:
            return self._step_without_zero()
        skipped_before = self._engine.skipped_steps
        self._engine.step()
        self._gather_whole()
        skipped = self._engine.skipped_steps > skipped_before
        norm = math.nan if skipped else float(self._engine.get_global_grad_norm())
        return StepResult(norm, skipped)

    def _step_without_zero(self) -> StepResult:
        """Only ZeRO's optimisers look at the gradient before they apply it."""
        norm = _norm([p.grad for p in self.model.parameters() if p.grad is not None])
        if not math.isfinite(norm):
            self._engine.zero_grad()
            return StepResult(math.nan, skipped=True)
        self._engine.step()
        return StepResult(norm, skipped=False)

    def balance_experts(self, rate: float) -> Tensor:
        """Move the experts' selection bias against the load that training put on them since the
        last call; returns that load over all ranks, int64 [L, E]."""
        counts_LE = self.process.sum(expert_counts(self.model))
        reset_expert_counts(self.model)
        for model in {self.model, self._whole}:
            update_expert_bias(model, counts_LE, rate)
        return counts_LE

    def save(self, directory: Path) -> None:
        """Write weights, optimiser and buffers; every rank writes its own files."""
        with zero.as_ordinary(self._engine):
            self._engine.save_checkpoint(str(directory), tag="state", save_latest=False)
        if self._expert_ranks > 1:
            torch.save(self._held_experts(), self._experts_file(directory))

    def load(self, directory: Path) -> None:
        """Go on exactly where `save` was called, with the same ZeRO stage and world size."""
        with zero.as_ordinary(self._engine):
            loaded, _ = self._engine.load_checkpoint(str(directory), tag="state")
        if loaded is None:
            raise OSError(f"DeepSpeed finds no state in {directory}")
        if self._expert_ranks > 1:  # it has loaded those of rank 0 everywhere
            saved = torch.load(self._experts_file(directory), map_location=self.process.device)
            for mine, was in zip(self._held_experts(), saved, strict=True):
                mine.copy_(was)
        self._gather_whole()

    def _held_experts(self) -> list[Tensor]:
        mine = filter(expert_parallel.is_shared_out, self.model.parameters())
        return [parameter.detach() for parameter in mine]

    def _experts_file(self, directory: Path) -> Path:
        return directory / "state" / f"experts-{self.process.rank:05d}.pt"

    def _gather_whole(self) -> None:
        if self._whole is self.model:
            return
        with zero.gathered(self.model, self._zero_stage), torch.no_grad():
            pairs = zip(self._whole.parameters(), self.model.parameters(), strict=True)
            for whole, mine in pairs:
                if not expert_parallel.is_shared_out(mine):
                    whole.copy_(mine)
            expert_parallel.gather(self.model, self._whole)
        for whole, mine in zip(self._whole.buffers(), self.model.buffers(), strict=True):
            whole.copy_(mine)


def _norm(tensors: list[Tensor]) -> float:
    """Of all together, in fp32 whatever they are: bf16 would round it to three digits."""
    norms = [torch.linalg.vector_norm(tensor, dtype=torch.float32) for tensor in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms)))
