"""One decoding step of a whole batch, in as few operations as it takes.

At these sizes calling an operation costs as much as its arithmetic, so the step works on weights
that were folded beforehand, and computes every expert where that is cheaper than moving tokens.

B sequences, T columns of the cache, D hidden_size, H heads, Q q_lora_rank, C kv_lora_rank,
R qk_rope_head_dim, X = C + R, V vocab_size, E routed experts, I width of an expert.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.model import ModelConfig, Transformer
from training.model.attention import LATENT_NORM_EPS, Rotation
from training.model.block import Block
from training.model.experts import Experts
from training.rollout.decode_weights import AttentionWeights, absorb, widen

FEW = 1 << 10
"""Tokens times experts up to which every token meets every expert."""
COLUMN_STEP = 16
"""The cache grows by so many columns: whole, unsliced blocks are what batched products like."""


class LatentCache:
    """Latents and rotary keys of all layers, with room for the next columns."""

    def __init__(self, latents_LBTX: Tensor, valid_BT: Tensor) -> None:
        """`latents_LBTX` hold the prompts, aligned to the right; `valid_BT` tells them from
        padding."""
        self.columns = valid_BT.shape[1]
        room = -self.columns % COLUMN_STEP
        self.layers = [F.pad(latents_BTX, (0, 0, 0, room)) for latents_BTX in latents_LBTX]
        mask_BT = latents_LBTX.new_zeros(valid_BT.shape).masked_fill_(~valid_BT, -torch.inf)
        self.mask_B1T = F.pad(mask_BT, (0, room), value=-torch.inf)[:, None]

    def open_column(self) -> None:
        """Make the next column the newest one."""
        if self.columns == self.mask_B1T.shape[2]:
            self.layers = [F.pad(layer_BTX, (0, 0, 0, COLUMN_STEP)) for layer_BTX in self.layers]
            self.mask_B1T = F.pad(self.mask_B1T, (0, COLUMN_STEP), value=-torch.inf)
        self.mask_B1T[..., self.columns] = 0
        self.columns += 1

    def keep(self, rows: Tensor) -> None:
        self.layers = [layer_BTX.index_select(0, rows) for layer_BTX in self.layers]
        self.mask_B1T = self.mask_B1T.index_select(0, rows)


class Decoder:
    """The policy as it is now, ready to read one token per sequence at a time.

    The residual stream is fp32, products are in the model's dtype.
    """

    def __init__(self, model: Transformer) -> None:
        self.model = model
        self.blocks = [block for block in model.blocks if isinstance(block, Block)]
        self.attention = [absorb(block) for block in self.blocks]
        self.few = FEW // model.config.n_routed_experts
        self.wide = [widen(block.feed_forward) for block in self.blocks] if self.few else []
        norms = [*(block.feed_forward_norm for block in self.blocks), model.norm]
        self.norms = [norm.weight.float() for norm in norms]

    def step(self, tokens_B: Tensor, positions_B: Tensor, cache: LatentCache) -> Tensor:
        """Append `tokens_B` at `positions_B` to the sequences; logits [B, V] of what follows."""
        config, dtype = self.model.config, self.model.head.weight.dtype
        cache.open_column()
        x_BD = self.model.embedding(tokens_B).float()
        rotation = self.model.rope(positions_B, dtype)
        for layer in range(len(self.blocks)):
            unit_BD = _unit(x_BD, config.rms_norm_eps).to(dtype)
            x_BD += _attend(unit_BD, self.attention[layer], cache, layer, rotation, config)
            unit_BD = _unit(x_BD, config.rms_norm_eps, self.norms[layer])
            x_BD += self._feed_forward(unit_BD.to(dtype), layer)
        unit_BD = _unit(x_BD, config.rms_norm_eps, self.norms[-1])
        return self.model.logits(unit_BD.to(dtype))

    def _feed_forward(self, x_BD: Tensor, layer: int) -> Tensor:
        feed_forward = self.blocks[layer].feed_forward
        if len(x_BD) > self.few or not isinstance(feed_forward, Experts):
            return feed_forward(x_BD)
        wide = self.wide[layer]
        gate_BF, up_BF = (x_BD @ wide.gate_up).chunk(2, dim=-1)
        product_BF = F.silu(gate_BF).mul_(up_BF)
        experts_BK, gates_BK = feed_forward.router(x_BD)
        experts, width, _ = feed_forward.down_EID.shape
        gates_BE = product_BF.new_zeros(len(x_BD), experts)
        gates_BE.scatter_(1, experts_BK, gates_BK.to(x_BD.dtype))
        product_BF[:, : experts * width].unflatten(1, (experts, width)).mul_(gates_BE[..., None])
        return product_BF @ wide.down


def _unit(x_BD: Tensor, eps: float, weight_D: Tensor | None = None) -> Tensor:
    """RMSNorm, without its weight where that was folded into what follows."""
    return F.rms_norm(x_BD, x_BD.shape[-1:], weight_D, eps)


def _attend(
    x_BD: Tensor,
    weights: AttentionWeights,
    cache: LatentCache,
    layer: int,
    rotation: Rotation,
    config: ModelConfig,
) -> Tensor:
    """Absorbed attention [B, D]; fills the newest column of the cache."""
    cos_BR, sin_BR = rotation
    heads, rank, latent = config.num_attention_heads, config.q_lora_rank, config.kv_lora_rank
    *q_latent, latent_BC, k_rope_BR, swapped_BR = (x_BD @ weights.down).split(
        weights.down_sizes, dim=-1
    )
    cache_BTX = cache.layers[layer]
    newest_BX = cache_BTX[:, cache.columns - 1]
    newest_BX[:, :latent] = _unit(latent_BC.float(), LATENT_NORM_EPS, weights.latent_norm)
    torch.addcmul(k_rope_BR * cos_BR, swapped_BR, sin_BR, out=newest_BX[:, latent:])
    source_BS = x_BD if rank is None else _unit(q_latent[0].float(), LATENT_NORM_EPS).to(x_BD.dtype)
    width = heads * cache_BTX.shape[2]
    q_BX = source_BS @ weights.query
    q_BHX = q_BX[:, :width].unflatten(1, (heads, -1))
    swapped_BHR = q_BX[:, width:].unflatten(1, (heads, -1))
    q_BHX[..., latent:].mul_(cos_BR[:, None]).addcmul_(swapped_BHR, sin_BR[:, None])
    scores_BHT = torch.bmm(q_BHX, cache_BTX.transpose(1, 2)).add_(cache.mask_B1T)
    return torch.bmm(scores_BHT.softmax(-1), cache_BTX).flatten(1) @ weights.out
