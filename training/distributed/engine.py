"""The model under training: DeepSpeed's ZeRO engine behind a few plain verbs.

SFT, pretraining and GRPO all train through this class. Gradients add up over `backward` calls
until `step`. A loss is this rank's share of the whole step's loss: shares of all ranks sum up to
it, however the step was cut into processes and microbatches.
"""

from __future__ import annotations

import copy
import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.config import OptimConfig
from training.distributed.optimizer import Bf16AdamW, forget_empty_steps, make_optimizer
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
    ) -> CompletionLogprobs:
        inputs = (tokens_BT, mask_BT, completion_BT, temperature)
        return completion_logprobs(self.model, *inputs, mtp=mtp, balance=balance)


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
    ) -> None:
        self.process = process
        self.model = model.to(process.device, dtype)
        self._zero_stage = zero_stage
        self._whole = copy.deepcopy(self.model).eval() if zero_stage == 3 else self.model
        wrapped = _Logprobs(self.model)
        self._adamw = make_optimizer(wrapped.parameters(), optim)
        bucket = min(500_000_000, sum(parameter.numel() for parameter in wrapped.parameters()))
        self._engine = _initialize(
            wrapped, self._adamw, _settings(optim, zero_stage, dtype, bucket)
        )
        forget_empty_steps(self._adamw)

    @property
    def policy(self) -> Policy:
        """The whole model with its present weights, for sampling; not for training."""
        return self._whole

    def logprobs(
        self,
        tokens_BT: Tensor,
        mask_BT: Tensor,
        completion_BT: Tensor,
        temperature: float = 1.0,
        *,
        mtp: MtpMode = "off",
        balance: bool = False,
    ) -> CompletionLogprobs:
        """See `training.model.completion_logprobs`; the result can be put into `backward`."""
        result: CompletionLogprobs = self._engine(
            tokens_BT, mask_BT, completion_BT, temperature, mtp, balance
        )
        return result

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
        self._engine.save_checkpoint(str(directory), tag="state", save_latest=False)

    def load(self, directory: Path) -> None:
        """Go on exactly where `save` was called, with the same ZeRO stage and world size."""
        loaded, _ = self._engine.load_checkpoint(str(directory), tag="state")
        if loaded is None:
            raise OSError(f"DeepSpeed finds no state in {directory}")
        self._gather_whole()

    def _gather_whole(self) -> None:
        if self._zero_stage < 3:
            return
        import deepspeed  # noqa: PLC0415 - see _initialize

        parameters = list(self.model.parameters())
        with deepspeed.zero.GatheredParameters(parameters), torch.no_grad():
            for whole, shard in zip(self._whole.parameters(), parameters, strict=True):
                whole.copy_(shard)
        for whole, mine in zip(self._whole.buffers(), self.model.buffers(), strict=True):
            whole.copy_(mine)


def _norm(tensors: list[Tensor]) -> float:
    """Of all together, in fp32 whatever they are: bf16 would round it to three digits."""
    norms = [torch.linalg.vector_norm(tensor, dtype=torch.float32) for tensor in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms)))


def _settings(
    optim: OptimConfig, zero_stage: int, dtype: torch.dtype, bucket: int
) -> dict[str, Any]:
    return {
        # Both are placeholders: `backward(last=…)` says where a step ends.
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": optim.grad_clip,
        "bf16": {"enabled": dtype == torch.bfloat16},
        "zero_optimization": {
            "stage": zero_stage,
            "overlap_comm": False,
            "reduce_bucket_size": bucket,  # its buffer is allocated, however small the model
        },
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,  # it is C++ that would have to be compiled here
        "steps_per_print": None,
    }


def _initialize(
    model: nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, Any]
) -> Any:
    # DeepSpeed looks for its accelerator while it is imported, and warns when it has to guess.
    os.environ.setdefault("DS_ACCELERATOR", "cuda" if torch.cuda.is_available() else "cpu")
    # It decorates an optimizer nobody uses here with torch.compile, whose import takes 3 s.
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    import deepspeed  # noqa: PLC0415 - only once its accelerator is named

    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    # On a CPU it would compile a communication kernel in C++ for a minute, or fail without a
    # compiler; gloo does the same work.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    # It warns of optimisers it does not know; this one is tested under all stages.
    deepspeed.runtime.zero.utils.ZERO_SUPPORTED_OPTIMIZERS.append(Bf16AdamW)
    engine, *_ = deepspeed.initialize(
        model=model, optimizer=optimizer, config=settings, dist_init_required=None
    )
    return engine
