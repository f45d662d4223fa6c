"""Feed-forward layers: dense SwiGLU, and the mixture of experts.

N packed tokens, D hidden_size, E routed experts, K experts per token, I expert width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kernels.grouped_experts import grouped_experts
from kernels.swiglu import swiglu
from training.model.balance import SequenceBalance
from training.model.config import ModelConfig
from training.model.router import Router


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)), gate and up as one matrix."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(dim, 2 * width, bias=False)
        self.down = nn.Linear(width, dim, bias=False)

    def forward(self, x_ND: Tensor) -> Tensor:
        return self.down(swiglu(self.gate_up(x_ND)))


class Experts(nn.Module):
    """Routed experts beside the shared ones, which are one SwiGLU (None when there are none)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        experts, dim = config.n_routed_experts, config.hidden_size
        width = config.moe_intermediate_size
        self.router = Router(config)
        self.gate_up_EDJ = nn.Parameter(torch.empty(experts, dim, 2 * width))
        self.down_EID = nn.Parameter(torch.empty(experts, width, dim))
        shared = config.n_shared_experts * width
        self.shared = SwiGLU(dim, shared) if shared else None

    def forward(
        self,
        x_ND: Tensor,
        counted: int | None = None,
        balance: SequenceBalance | None = None,
        replayed_NK: Tensor | None = None,
    ) -> Tensor:
        """[N, D] to [N, D]; for the rest see `Router`."""
        return self.apply_to(x_ND, *self.router(x_ND, counted, balance, replayed_NK))

    def apply_to(self, x_ND: Tensor, experts_NK: Tensor, gates_NK: Tensor) -> Tensor:
        """What routed and shared experts make of `x_ND`, given `Router`'s choice."""
        routed_ND = self.routed(x_ND, experts_NK, gates_NK)
        return routed_ND if self.shared is None else routed_ND + self.shared(x_ND)

    def routed(self, x_ND: Tensor, experts_NK: Tensor, gates_NK: Tensor) -> Tensor:
        """What the chosen experts make of their tokens, weighted and added up; [N, D]."""
        return grouped_experts(x_ND, self.gate_up_EDJ, self.down_EID, experts_NK, gates_NK)
