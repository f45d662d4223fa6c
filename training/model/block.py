"""One transformer layer: attention, then a dense or sparse feed-forward, each on a residual."""

from __future__ import annotations

from torch import Tensor, nn

from training.model.attention import Attention, Rotation
from training.model.balance import SequenceBalance
from training.model.config import ModelConfig
from training.model.experts import Experts, SwiGLU
from training.model.norm import RMSNorm
from training.model.packing import HeadLayout


class Block(nn.Module):
    """Pre-norm layer number `layer`, counted from 0; the first few are dense."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.attention = Attention(config)
        self.feed_forward_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.feed_forward: SwiGLU | Experts = (
            SwiGLU(config.hidden_size, config.intermediate_size)
            if config.is_dense(layer)
            else Experts(config)
        )

    def forward(
        self,
        x_ND: Tensor,
        rotation: Rotation,
        layout: HeadLayout,
        balance: SequenceBalance | None = None,
        replayed_NK: Tensor | None = None,
    ) -> Tensor:
        x_ND = x_ND + self.attention(self.attention_norm(x_ND), rotation, layout)
        h_ND = self.feed_forward_norm(x_ND)
        if isinstance(self.feed_forward, Experts):
            return x_ND + self.feed_forward(h_ND, layout.count, balance, replayed_NK)
        return x_ND + self.feed_forward(h_ND)
