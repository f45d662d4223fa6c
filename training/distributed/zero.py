"""DeepSpeed's engine for a model: its settings, and what it has to be told of experts."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from training.config import OptimConfig
from training.distributed import expert_parallel
from training.distributed.optimizer import Bf16AdamW
from training.model.experts import Experts


def settings(
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


def initialize(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: dict[str, Any],
    *,
    degree: int = 1,
) -> Any:
    """A `DeepSpeedEngine`; `degree` ranks have a slice each of the experts in `model`."""
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
    if settings["zero_optimization"]["stage"] == 3:
        _fetch_experts_whole(model)
    if degree > 1:
        model.shared_out = _announce(degree)
    engine, *_ = deepspeed.initialize(
        model=model, optimizer=optimizer, config=settings, dist_init_required=None
    )
    if degree > 1:
        name = expert_parallel.group_name(degree)
        expert_parallel.join(model, engine.expert_parallel_group[name])
    return engine


@contextmanager
def as_ordinary(engine: Any) -> Iterator[None]:
    """Let DeepSpeed save and load as if all ranks had the same parameters: of a mixture of experts
    it expects layers of its own, and files for each expert."""
    shared_out, engine.has_moe_layers = engine.has_moe_layers, False
    try:
        yield
    finally:
        engine.has_moe_layers = shared_out


@contextmanager
def gathered(model: nn.Module, stage: int) -> Iterator[None]:
    """While it lasts, every rank has the whole of what ZeRO 3 shards."""
    import deepspeed  # noqa: PLC0415 - see initialize

    parameters = list(model.parameters()) if stage == 3 else []
    with deepspeed.zero.GatheredParameters(parameters, enabled=stage == 3):
        yield


def _fetch_experts_whole(model: nn.Module) -> None:
    """Let ZeRO 3 fetch a layer's experts, router and all, at once and on every rank: which expert
    runs differs from rank to rank, and a rank that fetches what the others do not waits for ever.

    In transformers' classes, too, the routed experts are the layer's `experts`.
    """
    from deepspeed.utils import set_z3_leaf_module  # noqa: PLC0415 - see initialize

    for module in model.modules():
        if isinstance(module, Experts) or isinstance(getattr(module, "experts", None), nn.Module):
            set_z3_leaf_module(module, True)


def _announce(degree: int) -> nn.Module:
    """A part of the model by which DeepSpeed sees that not all ranks share all parameters, so that
    gradients and norms are to be summed over the right ones. It computes nothing."""
    from deepspeed.moe.layer import MoE  # noqa: PLC0415 - see initialize
    from deepspeed.utils import groups  # noqa: PLC0415

    class SharedOut(MoE):  # type: ignore[misc] # DeepSpeed has no types
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.num_experts = degree

        def set_deepspeed_parallelism(self, _data_first: bool = False) -> None:
            groups._create_expert_and_data_parallel(degree)  # noqa: SLF001 - as its own MoE does

    return SharedOut()
