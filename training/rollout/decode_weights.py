"""The policy's weights rearranged for decoding.

Keys and values are never rebuilt. Expanding a latent to a key and multiplying it with a query is
the same as multiplying the query with the key's half of `kv_up` first (V2 report, appendix C);
likewise the value's half joins the output projection. Weights that only meet other weights are
multiplied once per policy update: the norms' weights and the softmax scale too.

Products are made in fp32 and kept in the model's dtype; all matrices are multiplied from the right.

D hidden_size, H heads, Q q_lora_rank, C kv_lora_rank, P qk_nope_head_dim, R qk_rope_head_dim,
U v_head_dim, X = C + R, E routed experts, I width of an expert, F width of all experts together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.model.attention import Attention
from training.model.block import Block
from training.model.experts import Experts, SwiGLU


@dataclass(frozen=True)
class AttentionWeights:
    """Absorbed attention. Rotary columns stand twice, the second time with each pair swapped:
    rotation is then `x * cos + swapped * sin` with the signed sines of `Rope`."""

    down_sizes: tuple[int, ...]
    down: Tensor
    """[D, Q + C + R + R]; without compressed queries [D, C + R + R]."""
    query_sizes: tuple[int, int]
    query: Tensor
    """[Q, H * X + H * R]; without compressed queries [D, …], from the input of the layer."""
    out: Tensor
    """[H * X, D]; the rotary rows are zero."""
    latent_norm: Tensor
    """[C]: what is cached is the normalised latent."""


@dataclass(frozen=True)
class WideExperts:
    """All feed-forward columns of a layer as one SwiGLU, the routed experts' first."""

    gate_up: Tensor
    """[D, 2F]: every expert's gate, then every expert's up."""
    down: Tensor
    """[F, D]."""


@torch.no_grad()
def absorb(block: Block) -> AttentionWeights:
    """Fold `kv_up`, norms and the softmax scale into query and output projections."""
    attention: Attention = block.attention
    config, dtype = attention.config, attention.down.weight.dtype
    heads, nope, rank = config.num_attention_heads, config.qk_nope_head_dim, config.q_lora_rank
    down_DX = attention.down.weight.float().T * block.attention_norm.weight.float()[:, None]
    q_DX, latent_DC, k_rope_DR = down_DX.split(attention.down_sizes, dim=1)
    if rank is None:
        source_SX, first = q_DX, []
    else:
        q_norm_Q = attention.q_norm.weight.float()
        source_SX, first = attention.q_up.weight.float().T * q_norm_Q[:, None], [q_DX]
    q_SHX = source_SX.unflatten(1, (heads, config.qk_head_dim)) * config.softmax_scale
    kv_HXC = attention.kv_up.weight.float().unflatten(0, (heads, -1))
    latent_q_SHC = torch.einsum("shp,hpc->shc", q_SHX[..., :nope], kv_HXC[:, :nope])
    rope_q_SHR = q_SHX[..., nope:]
    query_SHX = torch.cat((latent_q_SHC, rope_q_SHR), dim=-1)
    out_DHU = attention.out.weight.float().unflatten(1, (heads, config.v_head_dim))
    out_HXD = down_DX.new_zeros(heads, query_SHX.shape[-1], len(out_DHU))
    out_HXD[:, : config.kv_lora_rank] = torch.einsum("huc,dhu->hcd", kv_HXC[:, nope:], out_DHU)
    down = [*first, latent_DC, k_rope_DR, _swap_pairs(k_rope_DR)]
    return AttentionWeights(
        down_sizes=tuple(part.shape[1] for part in down),
        down=torch.cat(down, dim=1).to(dtype),
        query_sizes=(query_SHX[0].numel(), rope_q_SHR[0].numel()),
        query=torch.cat((query_SHX.flatten(1), _swap_pairs(rope_q_SHR).flatten(1)), 1).to(dtype),
        out=out_HXD.flatten(0, 1).to(dtype),
        latent_norm=attention.kv_norm.weight.detach(),
    )


@torch.no_grad()
def widen(feed_forward: SwiGLU | Experts) -> WideExperts:
    """Lay routed experts and shared one side by side; a dense layer is as it is."""
    if isinstance(feed_forward, SwiGLU):
        return WideExperts(feed_forward.gate_up.weight.T, feed_forward.down.weight.T)
    gate_DF, up_DF = map(_side_by_side, feed_forward.gate_up_EDJ.chunk(2, dim=2))
    down_FD = feed_forward.down_EID.flatten(0, 1)
    if (shared := feed_forward.shared) is not None:
        shared_gate_DI, shared_up_DI = shared.gate_up.weight.T.chunk(2, dim=1)
        gate_DF = torch.cat((gate_DF, shared_gate_DI), dim=1)
        up_DF = torch.cat((up_DF, shared_up_DI), dim=1)
        down_FD = torch.cat((down_FD, shared.down.weight.T))
    return WideExperts(gate_up=torch.cat((gate_DF, up_DF), dim=1), down=down_FD)


def _side_by_side(x_EDI: Tensor) -> Tensor:
    return x_EDI.transpose(0, 1).flatten(1)


def _swap_pairs(x: Tensor) -> Tensor:
    return x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
