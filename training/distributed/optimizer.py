"""The optimiser that DeepSpeed wraps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from kernels.adamw import adamw_step
from training.config import OptimConfig


def make_optimizer(
    parameters: Iterable[nn.Parameter] | list[dict[str, Any]], optim: OptimConfig
) -> torch.optim.Optimizer:
    """AdamW for parameters or groups of them; under ZeRO it is given the fp32 master weights. Its
    learning rate is 0 until a step sets it, so that nothing decays before."""
    numbers: dict[str, Any] = {
        "lr": 0.0, "betas": (optim.beta1, optim.beta2), "weight_decay": optim.weight_decay
    }  # fmt: skip
    if optim.moment_dtype == "bf16":
        return Bf16AdamW(parameters, **numbers)
    # Fused it passes once over weights and moments; otherwise on a CPU a dozen times.
    return torch.optim.AdamW(parameters, fused=True, **numbers)


def forget_empty_steps(optimizer: torch.optim.Optimizer) -> None:
    """Start counting from 0: without ZeRO, DeepSpeed's bf16 optimiser makes the states by a step
    without gradients, which Adam's bias correction would take for a real one."""
    for state in optimizer.state.values():
        state["step"] *= 0


class Bf16AdamW(torch.optim.Optimizer):
    """AdamW on fp32 weights with both moments kept in bf16; see `kernels.adamw`."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "eps": eps}
        )

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override] # nobody passes a closure
        """Move all weights that have a gradient."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for param in group["params"]:
                if param.grad is None:
                    continue
                state = self._state_of(param)
                state["step"] += 1
                adamw_step(
                    param,
                    param.grad,
                    state["exp_avg"],
                    state["exp_avg_sq"],
                    lr=group["lr"],
                    beta1=beta1,
                    beta2=beta2,
                    eps=group["eps"],
                    weight_decay=group["weight_decay"],
                    step=state["step"],
                )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with saved moments. torch casts them to the dtype of their weights; every bf16
        number is an fp32 number too, so casting them back gives what was saved, bit for bit."""
        super().load_state_dict(state_dict)
        for state in self.state.values():
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = state[name].bfloat16()

    def _state_of(self, param: nn.Parameter) -> dict[str, Any]:
        state = self.state[param]
        if not state:
            state["step"] = 0
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = torch.zeros_like(param, dtype=torch.bfloat16)
        return state
