"""Multi-head latent attention (DeepSeek-V2 report, section 2.1), in its expanded form.

Keys and values are rebuilt from one small latent per token; position travels beside it in one
rotary key that all heads share. Training expands the latent to per-head keys and values;
decoding absorbs the expansion into query and output (training/rollout/native.py).

B sequences, T time, N packed tokens, D hidden_size, H heads, Q q_lora_rank, C kv_lora_rank,
P qk_nope_head_dim, R qk_rope_head_dim, U v_head_dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kernels.causal_attention import causal_attention
from training.model.config import ModelConfig
from training.model.norm import RMSNorm
from training.model.packing import HeadLayout
from training.model.rope import rotate

Rotation = tuple[Tensor, Tensor]
"""Signed cos and sin of each token's position, [N, R] each: what `Rope` gives."""

LATENT_NORM_EPS = 1e-6
"""DeepSeek's code gives the two latent norms this epsilon whatever rms_norm_eps says."""


class Attention(nn.Module):
    """Latent attention of one layer; the projections out of the residual stream are one matrix."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        heads, rank = config.num_attention_heads, config.q_lora_rank
        query_dim = heads * config.qk_head_dim
        self.down_sizes = (rank or query_dim, config.kv_lora_rank, config.qk_rope_head_dim)
        self.down = nn.Linear(config.hidden_size, sum(self.down_sizes), bias=False)
        if rank is not None:
            self.q_norm = RMSNorm(rank, LATENT_NORM_EPS)
            self.q_up = nn.Linear(rank, query_dim, bias=False)
        self.kv_norm = RMSNorm(config.kv_lora_rank, LATENT_NORM_EPS)
        kv_dim = heads * (config.qk_nope_head_dim + config.v_head_dim)
        self.kv_up = nn.Linear(config.kv_lora_rank, kv_dim, bias=False)
        self.out = nn.Linear(heads * config.v_head_dim, config.hidden_size, bias=False)

    def compress(self, x_ND: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [N, H, P+R] (rotated), latents [N, C] (normalised), rotary keys [N, R]."""
        config, (cos_NR, sin_NR) = self.config, rotation
        q_NX, latent_NC, k_rope_NR = self.down(x_ND).split(self.down_sizes, dim=-1)
        if config.q_lora_rank is not None:
            q_NX = self.q_up(self.q_norm(q_NX))
        q_NHX = q_NX.unflatten(-1, (config.num_attention_heads, config.qk_head_dim))
        q_NHP, q_NHR = q_NHX.split((config.qk_nope_head_dim, config.qk_rope_head_dim), dim=-1)
        q_NHR = rotate(q_NHR, cos_NR[:, None], sin_NR[:, None])
        k_rope_NR = rotate(k_rope_NR, cos_NR, sin_NR)
        return torch.cat((q_NHP, q_NHR), dim=-1), self.kv_norm(latent_NC), k_rope_NR

    def expand(self, latent_NC: Tensor, k_rope_NR: Tensor) -> tuple[Tensor, Tensor]:
        """Per-head keys [N, H, P+R] and values [N, H, U]."""
        config = self.config
        heads, nope = config.num_attention_heads, config.qk_nope_head_dim
        kv_NHX = self.kv_up(latent_NC).unflatten(-1, (heads, nope + config.v_head_dim))
        k_NHP, v_NHU = kv_NHX.split((nope, config.v_head_dim), dim=-1)
        k_NHR = k_rope_NR[:, None].expand(-1, heads, -1)
        return torch.cat((k_NHP, k_NHR), dim=-1), v_NHU

    def attend(
        self, q_NHX: Tensor, latent_NC: Tensor, k_rope_NR: Tensor, layout: HeadLayout
    ) -> Tensor:
        """Causal attention within each sequence over what `compress` gave; [N, D]."""
        k_NHX, v_NHU = self.expand(latent_NC, k_rope_NR)
        # Sequences are right-padded here, so looking back only also hides the padding.
        out_WTU = causal_attention(
            layout.unpack(q_NHX), layout.unpack(k_NHX), layout.unpack(v_NHU),
            self.config.softmax_scale,
        )  # fmt: skip
        return self.out(layout.pack(out_WTU).flatten(1))

    def forward(self, x_ND: Tensor, rotation: Rotation, layout: HeadLayout) -> Tensor:
        return self.attend(*self.compress(x_ND, rotation), layout)
