"""One decoding step of a whole batch on a CPU, in as few operations as it takes.

At these sizes calling an operation costs as much as its arithmetic, so the step works on weights
that were folded beforehand, and computes every expert where that is cheaper than moving tokens.

B sequences, S newest tokens of each, N = B * S, T columns of the cache, D hidden_size, H heads,
G = S * H queries of a sequence, Q q_lora_rank, C kv_lora_rank, R qk_rope_head_dim, X = C + R,
E routed experts, I width of an expert, F width of all experts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.model import ModelConfig, Transformer
from training.model.attention import LATENT_NORM_EPS, Rotation
from training.model.block import Block
from training.model.experts import Experts
from training.rollout.cache import LatentCache
from training.rollout.decode_weights import AttentionWeights, absorb, widen
from training.rollout.paged import PagedCache, PagedLayers

Cache = LatentCache | PagedCache

FEW = 1 << 10
"""Tokens times experts up to which every token meets every expert."""


class Layers:
    """Some layers of the policy as they are now. The residual stream is fp32, products are in the
    model's dtype."""

    def __init__(self, blocks: Sequence[Block], model: Transformer) -> None:
        self.config, self.rope = model.config, model.rope
        self.attention = [absorb(block) for block in blocks]
        self.feed_forward = [block.feed_forward for block in blocks]
        self.norms = [block.feed_forward_norm.weight.float() for block in blocks]
        self.dtype = model.head.weight.dtype
        self.few = FEW // model.config.n_routed_experts
        self.wide = [widen(each) for each in self.feed_forward] if self.few else []

    def step(self, x_ND: Tensor, positions_BS: Tensor, cache: LatentCache) -> Tensor:
        """Let the newest tokens through all layers, each after those before it; changes `x_ND`
        (fp32), returns it, and fills new columns of `cache`."""
        eps, rotation = self.config.rms_norm_eps, self.rope(positions_BS, self.dtype)
        cache.open(positions_BS.shape[1])
        cache.chosen = []
        for layer, weights in enumerate(self.attention):
            unit_ND = unit(x_ND, eps).to(self.dtype)
            x_ND += attend(unit_ND, weights, cache, layer, rotation, self.config)
            unit_ND = unit(x_ND, eps, self.norms[layer])
            x_ND += self._feed_forward(unit_ND.to(self.dtype), layer, cache.chosen)
        return x_ND

    def _feed_forward(self, x_ND: Tensor, layer: int, chosen: list[Tensor]) -> Tensor:
        feed_forward = self.feed_forward[layer]
        if not isinstance(feed_forward, Experts):
            dense_ND: Tensor = feed_forward(x_ND)
            return dense_ND
        experts_NK, gates_NK = feed_forward.router(x_ND)
        chosen.append(experts_NK)
        if len(x_ND) > self.few:
            return feed_forward.apply_to(x_ND, experts_NK, gates_NK)
        wide = self.wide[layer]
        gate_NF, up_NF = torch.mm(x_ND, wide.gate_up).chunk(2, dim=-1)
        product_NF = F.silu(gate_NF).mul_(up_NF)
        experts, width, _ = feed_forward.down_EID.shape
        gates_NE = product_NF.new_zeros(len(x_ND), experts)
        gates_NE.scatter_(1, experts_NK, gates_NK.to(x_ND.dtype))
        routed_NEI = product_NF[:, : experts * width].view(-1, experts, width)
        routed_NEI.mul_(gates_NE[..., None])
        return torch.mm(product_NF, wide.down)


class Decoder:
    """The policy as it is now, ready to read the next tokens of each sequence.

    `kind` of layers goes with the kind of cache: these here, or those of training/rollout/paged.py.
    """

    def __init__(self, model: Transformer, kind: type[Layers | PagedLayers] = Layers) -> None:
        self.model = model
        self.layers = kind([block for block in model.blocks if isinstance(block, Block)], model)

    def step(self, tokens_BS: Tensor, positions_BS: Tensor, cache: Cache) -> Tensor:
        """Append `tokens_BS` at `positions_BS`; states [N, D] after the last norm, for the head."""
        hidden_ND: Tensor = cache.run(self.read, tokens_BS, positions_BS)
        return hidden_ND

    def read(self, tokens_BS: Tensor, positions_BS: Tensor, cache: Any) -> Tensor:
        """`step` as a part of what `cache.run` runs."""
        x_ND = self.model.embedding(tokens_BS.flatten()).float()
        x_ND, norm = self.layers.step(x_ND, positions_BS, cache), self.model.norm
        return unit(x_ND, norm.eps, norm.weight.float()).to(self.layers.dtype)

    def logits(self, hidden_ND: Tensor) -> Tensor:
        return self.model.logits(hidden_ND)


def unit(x: Tensor, eps: float, weight_D: Tensor | None = None) -> Tensor:
    """RMSNorm, without its weight where that was folded into what follows."""
    return F.rms_norm(x, x.shape[-1:], weight_D, eps)


def attend(
    x_ND: Tensor,
    weights: AttentionWeights,
    cache: LatentCache,
    layer: int,
    rotation: Rotation,
    config: ModelConfig,
) -> Tensor:
    """Absorbed attention [N, D] of unit-normed tokens; fills the newest columns of the cache."""
    cos_BSR, sin_BSR = rotation
    batch, new, rope_dim = cos_BSR.shape
    heads, rank, latent = config.num_attention_heads, config.q_lora_rank, config.kv_lora_rank
    cache_BTX = cache.layers[layer]
    down_BSX = torch.mm(x_ND, weights.down).view(batch, new, -1)
    *q_latent, latent_BSC, k_rope_BSR, swapped_BSR = down_BSX.split(weights.down_sizes, dim=-1)
    newest_BSX = cache_BTX[:, cache.columns - new : cache.columns]
    newest_BSC, newest_BSR = newest_BSX.split((latent, rope_dim), dim=-1)
    newest_BSC.copy_(unit(latent_BSC, LATENT_NORM_EPS, weights.latent_norm))
    torch.addcmul(k_rope_BSR * cos_BSR, swapped_BSR, sin_BSR, out=newest_BSR)
    source_NX = x_ND if rank is None else unit(q_latent[0], LATENT_NORM_EPS).flatten(0, 1)
    q_NX, swapped_NX = torch.mm(source_NX, weights.query).split(weights.query_sizes, dim=1)
    q_BGX = q_NX.reshape(batch, new * heads, -1)
    swapped_BGR = swapped_NX.reshape(batch, new * heads, rope_dim)
    cos_BGR, sin_BGR = (each.repeat_interleave(heads, 1) if new > 1 else each for each in rotation)
    q_BGX[..., latent:].mul_(cos_BGR).addcmul_(swapped_BGR, sin_BGR)
    scores_BGT = torch.bmm(q_BGX, cache_BTX.transpose(1, 2)).add_(cache.mask_B1T)
    for later in range(1, new):  # none sees what comes after it
        scores_BGT[:, : later * heads, cache.columns - new + later] = -torch.inf
    out_BGX = torch.bmm(scores_BGT.softmax(-1), cache_BTX)
    return torch.mm(out_BGX.view(batch * new, -1), weights.out)
