"""Feed-forward layers: dense SwiGLU, and the mixture of experts with its router.

Routing as in the V3 report, section 2.1.2: sigmoid scores, groups of experts ranked by their two
best scores, a bias that steers selection but not the gate values, and no auxiliary loss: the bias
itself moves against the load after each step (`update_expert_bias`).

N packed tokens, D hidden_size, E routed experts, G groups, K experts per token, I expert width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.grouped_experts import grouped_experts
from kernels.swiglu import swiglu
from training.model.config import ModelConfig


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)), gate and up as one matrix."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(dim, 2 * width, bias=False)
        self.down = nn.Linear(width, dim, bias=False)

    def forward(self, x_ND: Tensor) -> Tensor:
        return self.down(swiglu(self.gate_up(x_ND)))


class Router(nn.Module):
    """Chooses each token's experts. Scores and bias are fp32 whatever the model's dtype."""

    bias_E: Tensor
    counts_E: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(config.n_routed_experts, config.hidden_size))
        self.register_buffer("bias_E", torch.zeros(config.n_routed_experts))
        counts_E = torch.zeros(config.n_routed_experts, dtype=torch.int64)
        self.register_buffer("counts_E", counts_E, persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move with the model but stay fp32: bf16 would swallow bias steps of 0.001."""
        exact_E = self.bias_E
        super()._apply(fn, recurse)
        self.bias_E = exact_E.to(device=self.bias_E.device, dtype=torch.float32)
        return self

    def forward(self, x_ND: Tensor, counted: int | None = None) -> tuple[Tensor, Tensor]:
        """Expert indices [N, K] and their gate values [N, K] (fp32).

        Only the first `counted` tokens are counted as load.
        """
        config = self.config
        scores_NE = F.linear(x_ND.float(), self.weight.float()).sigmoid()
        experts_NK = self._select(scores_NE.detach() + self.bias_E)
        gates_NK = scores_NE.gather(1, experts_NK)
        if config.norm_topk_prob:
            gates_NK = gates_NK / (gates_NK.sum(-1, keepdim=True) + 1e-20)
        if self.training and torch.is_grad_enabled():
            chosen = experts_NK[:counted].flatten()
            self.counts_E += torch.bincount(chosen, minlength=len(self.counts_E))
        return experts_NK, gates_NK * config.routed_scaling_factor

    def _select(self, biased_NE: Tensor) -> Tensor:
        config = self.config
        if config.topk_group < config.n_group:
            biased_NGX = biased_NE.unflatten(1, (config.n_group, -1))
            best = min(2, biased_NGX.shape[-1])
            ranks_NG = biased_NGX.topk(best, dim=-1).values.sum(-1)
            groups = ranks_NG.topk(config.topk_group, dim=-1).indices
            closed_NG = torch.ones_like(ranks_NG, dtype=torch.bool).scatter_(1, groups, False)
            biased_NE = biased_NGX.masked_fill(closed_NG[..., None], -torch.inf).flatten(1)
        return biased_NE.topk(config.num_experts_per_tok, dim=-1, sorted=False).indices


class Experts(nn.Module):
    """Routed experts beside the shared one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        experts, dim = config.n_routed_experts, config.hidden_size
        width = config.moe_intermediate_size
        self.router = Router(config)
        self.gate_up_EDJ = nn.Parameter(torch.empty(experts, dim, 2 * width))
        self.down_EID = nn.Parameter(torch.empty(experts, width, dim))
        self.shared = SwiGLU(dim, config.n_shared_experts * width)

    def forward(self, x_ND: Tensor, counted: int | None = None) -> Tensor:
        """[N, D] to [N, D]; for `counted` see `Router`."""
        experts_NK, gates_NK = self.router(x_ND, counted)
        routed_ND = grouped_experts(x_ND, self.gate_up_EDJ, self.down_EID, experts_NK, gates_NK)
        return routed_ND + self.shared(x_ND)
