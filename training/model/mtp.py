"""Multi-token prediction of depth 1 (DeepSeek-V3 report, section 2.2).

One more layer sees a state of the model together with the token after it, and predicts the token
after that one. Embedding and output head are the model's own.

N packed pairs of a state and the token after it, D hidden_size.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.model.attention import Rotation
from training.model.balance import SequenceBalance
from training.model.block import Block
from training.model.config import ModelConfig
from training.model.norm import RMSNorm
from training.model.packing import HeadLayout


class MultiTokenPrediction(nn.Module):
    """norm(block(join([norm(embedding of the next token); norm(state)]))), ready for the head.

    The states are the model's after its final norm. The report leaves that open; vLLM, SGLang and
    transformers feed DeepSeek's published layer so.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embedding_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.hidden_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.join = nn.Linear(2 * config.hidden_size, config.hidden_size, bias=False)
        self.block = Block(config, config.num_hidden_layers)
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        hidden_ND: Tensor,
        tokens_next_N: Tensor,
        rotation: Rotation,
        layout: HeadLayout,
        embedding: Callable[[Tensor], Tensor],
        balance: SequenceBalance | None = None,
    ) -> Tensor:
        """States [N, D] from which the head predicts the token after `tokens_next_N`.

        Rotation, layout and `balance` are those of the pairs (`Packed.after_first`).
        """
        x_ND = self.pair(hidden_ND, embedding(tokens_next_N))
        return self.norm(self.block(x_ND, rotation, layout, balance))

    def pair(self, hidden: Tensor, embedded_next: Tensor) -> Tensor:
        """What the block reads, [..., D], from a state and the next token's embedding."""
        pair = torch.cat((self.embedding_norm(embedded_next), self.hidden_norm(hidden)), dim=-1)
        return self.join(pair)
