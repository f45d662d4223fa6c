"""Which experts a token goes to, and with what weight.

DeepSeek-V3 (report, section 2.1.2): sigmoid scores, groups of experts ranked by their two best
biased scores, a bias that steers selection but not the gate values, and moves against the load
after each step (`update_expert_bias`). DeepSeek-V2: softmax scores, no bias, groups ranked by their
best score.

N packed tokens, D hidden_size, E routed experts, G groups, K experts per token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model.balance import SequenceBalance
from training.model.config import ModelConfig


class Router(nn.Module):
    """Chooses each token's experts. Scores and bias are fp32 whatever the model's dtype."""

    bias_E: Tensor
    counts_E: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(config.n_routed_experts, config.hidden_size))
        self.register_buffer(
            "bias_E", torch.zeros(config.n_routed_experts), persistent=config.has_expert_bias
        )
        counts_E = torch.zeros(config.n_routed_experts, dtype=torch.int64)
        self.register_buffer("counts_E", counts_E, persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move with the model but stay fp32: bf16 would swallow bias steps of 0.001."""
        exact_E = self.bias_E
        super()._apply(fn, recurse)
        self.bias_E = exact_E.to(device=self.bias_E.device, dtype=torch.float32)
        return self

    def forward(
        self,
        x_ND: Tensor,
        counted: int | None = None,
        balance: SequenceBalance | None = None,
        replayed_NK: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Expert indices [N, K] and their gate values [N, K] (fp32).

        Only the first `counted` tokens are counted as load. `balance` is told of the choice.
        `replayed_NK` are experts to take whatever the scores say, which still weigh them; -1 where
        the token chooses for itself.
        """
        config = self.config
        logits_NE = F.linear(x_ND.float(), self.weight.float())
        softmax = config.scoring_func == "softmax"
        scores_NE = logits_NE.softmax(-1) if softmax else logits_NE.sigmoid()
        experts_NK = self._select(scores_NE.detach() + self.bias_E)
        if replayed_NK is not None:
            experts_NK = torch.where(replayed_NK >= 0, replayed_NK.long(), experts_NK)
        if balance is not None:
            balance.add(scores_NE, experts_NK)
        gates_NK = scores_NE.gather(1, experts_NK)
        if config.norm_topk_prob:
            gates_NK = gates_NK / (gates_NK.sum(-1, keepdim=True) + 1e-20)
        if self.training and torch.is_grad_enabled():
            chosen = experts_NK[:counted].flatten()
            self.counts_E += torch.bincount(chosen, minlength=len(self.counts_E))
        return experts_NK, gates_NK * config.routed_scaling_factor

    def _select(self, biased_NE: Tensor) -> Tensor:
        config = self.config
        if config.topk_method != "greedy" and config.topk_group < config.n_group:
            biased_NGX = biased_NE.unflatten(1, (config.n_group, -1))
            best = min(2 if config.topk_method == "noaux_tc" else 1, biased_NGX.shape[-1])
            ranks_NG = biased_NGX.topk(best, dim=-1).values.sum(-1)
            groups = ranks_NG.topk(config.topk_group, dim=-1).indices
            closed_NG = torch.ones_like(ranks_NG, dtype=torch.bool).scatter_(1, groups, False)
            biased_NE = biased_NGX.masked_fill(closed_NG[..., None], -torch.inf).flatten(1)
        return biased_NE.topk(config.num_experts_per_tok, dim=-1, sorted=False).indices
