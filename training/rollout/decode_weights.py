"""The policy's weights rearranged for decoding: latent attention in its absorbed form.

Keys and values are never rebuilt. Expanding a latent to a key and multiplying it with a query is
the same as multiplying the query with the key's half of `kv_up` first (V2 report, appendix C);
likewise the value's half joins the output projection. Both products of weights are made once per
policy update, so that decoding attends straight to the cached latents, one head of width C + R.

D hidden_size, H heads, Q q_lora_rank, C kv_lora_rank, P qk_nope_head_dim, R qk_rope_head_dim,
U v_head_dim, X = C + R.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.model.attention import Attention


@dataclass(frozen=True)
class DecodeWeights:
    """Absorbed attention weights of one layer, each to be multiplied from the right."""

    down_sizes: tuple[int, ...]
    down: Tensor
    """[D, Q + C + R]; without compressed queries [D, C + R]."""
    query: Tensor
    """From the query latent, or from the layer's input where there is none: [Q or D, H * X]."""
    out: Tensor
    """[H * X, D]; the rotary rows are zero."""


@torch.no_grad()
def absorb(attention: Attention) -> DecodeWeights:
    """Fold `kv_up` into query and output projections; products in fp32, result in its dtype."""
    config = attention.config
    heads, nope, rank = config.num_attention_heads, config.qk_nope_head_dim, config.q_lora_rank
    dtype = attention.down.weight.dtype
    q_part_XD, latent_CD, k_rope_RD = attention.down.weight.split(attention.down_sizes)
    source = q_part_XD if rank is None else attention.q_up.weight
    q_HXS = source.float().unflatten(0, (heads, config.qk_head_dim))
    kv_HXC = attention.kv_up.weight.float().unflatten(0, (heads, nope + config.v_head_dim))
    latent_q_SHC = torch.einsum("hps,hpc->shc", q_HXS[:, :nope], kv_HXC[:, :nope])
    query = torch.cat((latent_q_SHC, q_HXS[:, nope:].permute(2, 0, 1)), dim=-1).flatten(1)
    out_DHU = attention.out.weight.float().unflatten(1, (heads, config.v_head_dim))
    out_HXD = query.new_zeros(heads, config.kv_lora_rank + config.qk_rope_head_dim, len(out_DHU))
    out_HXD[:, : config.kv_lora_rank] = torch.einsum("huc,dhu->hcd", kv_HXC[:, nope:], out_DHU)
    down_XD = attention.down.weight if rank is not None else torch.cat((latent_CD, k_rope_RD))
    return DecodeWeights(
        down_sizes=attention.down_sizes[rank is None :],
        down=down_XD.T,
        query=query.to(dtype),
        out=out_HXD.flatten(0, 1).to(dtype),
    )
