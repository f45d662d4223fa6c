"""How the model's tensors are called and cut in a Hugging Face DeepseekV3 directory.

Our matrices are fused where one product does the work of several; the checkpoint keeps them apart.
Each of our tensors maps to a list of pieces that `split` cuts and `join` puts together again,
both without touching a bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.model.config import ModelConfig


@dataclass(frozen=True)
class Mapping:
    """One tensor of ours and the checkpoint's pieces of it.

    Pieces are row blocks of `rows` rows each (all of it when there is one piece). With
    `experts`, the leading dimension counts experts and the pieces of each are stored transposed.
    """

    ours: str
    pieces: tuple[str, ...]
    rows: tuple[int, ...] = ()
    experts: int = 0

    def split(self, tensor: Tensor) -> dict[str, Tensor]:
        if not self.experts:
            parts = tensor.split(self.rows) if self.rows else (tensor,)
            return dict(zip(self.pieces, parts, strict=True))
        parts = tensor.transpose(1, 2).split(self.rows, dim=1)
        return {
            name.format(expert=expert): part[expert]
            for name, part in zip(self.pieces, parts, strict=True)
            for expert in range(self.experts)
        }

    def join(self, stored: dict[str, Tensor]) -> Tensor:
        """Put the pieces together; `stored` holds at least the names of this mapping."""
        if not self.experts:
            return torch.cat([stored[name] for name in self.pieces])
        parts = [
            torch.stack([stored[name.format(expert=expert)] for expert in range(self.experts)])
            for name in self.pieces
        ]
        return torch.cat(parts, dim=1).transpose(1, 2)


def mappings(config: ModelConfig) -> list[Mapping]:
    """All tensors of a model of this shape, in checkpoint order."""
    found = [Mapping("embedding.weight", ("model.embed_tokens.weight",))]
    for layer in range(config.num_hidden_layers):
        found += _layer(config, layer)
    found.append(Mapping("norm.weight", ("model.norm.weight",)))
    if not config.tie_word_embeddings:
        found.append(Mapping("head.weight", ("lm_head.weight",)))
    return found


def _layer(config: ModelConfig, layer: int) -> list[Mapping]:
    ours, theirs = f"blocks.{layer}", f"model.layers.{layer}"
    return [
        Mapping(f"{ours}.attention_norm.weight", (f"{theirs}.input_layernorm.weight",)),
        *_attention(config, f"{ours}.attention", f"{theirs}.self_attn"),
        Mapping(f"{ours}.feed_forward_norm.weight", (f"{theirs}.post_attention_layernorm.weight",)),
        *(
            _swiglu(f"{ours}.feed_forward", f"{theirs}.mlp", config.intermediate_size)
            if config.is_dense(layer)
            else _experts(config, f"{ours}.feed_forward", f"{theirs}.mlp")
        ),
    ]


def _attention(config: ModelConfig, ours: str, theirs: str) -> list[Mapping]:
    latent = config.kv_lora_rank + config.qk_rope_head_dim
    if config.q_lora_rank is None:
        query, rank = "q_proj", config.num_attention_heads * config.qk_head_dim
        compressed = []
    else:
        query, rank = "q_a_proj", config.q_lora_rank
        compressed = [
            Mapping(f"{ours}.q_norm.weight", (f"{theirs}.q_a_layernorm.weight",)),
            Mapping(f"{ours}.q_up.weight", (f"{theirs}.q_b_proj.weight",)),
        ]
    down = (f"{theirs}.{query}.weight", f"{theirs}.kv_a_proj_with_mqa.weight")
    return [
        Mapping(f"{ours}.down.weight", down, (rank, latent)),
        *compressed,
        Mapping(f"{ours}.kv_norm.weight", (f"{theirs}.kv_a_layernorm.weight",)),
        Mapping(f"{ours}.kv_up.weight", (f"{theirs}.kv_b_proj.weight",)),
        Mapping(f"{ours}.out.weight", (f"{theirs}.o_proj.weight",)),
    ]


def _swiglu(ours: str, theirs: str, width: int) -> list[Mapping]:
    gate_up = (f"{theirs}.gate_proj.weight", f"{theirs}.up_proj.weight")
    return [
        Mapping(f"{ours}.gate_up.weight", gate_up, (width, width)),
        Mapping(f"{ours}.down.weight", (f"{theirs}.down_proj.weight",)),
    ]


def _experts(config: ModelConfig, ours: str, theirs: str) -> list[Mapping]:
    count, width = config.n_routed_experts, config.moe_intermediate_size
    expert = f"{theirs}.experts.{{expert}}"
    gate_up = (f"{expert}.gate_proj.weight", f"{expert}.up_proj.weight")
    down = (f"{expert}.down_proj.weight",)
    found = [Mapping(f"{ours}.router.weight", (f"{theirs}.gate.weight",))]
    if config.has_expert_bias:
        found.append(Mapping(f"{ours}.router.bias_E", (f"{theirs}.gate.e_score_correction_bias",)))
    found += [
        Mapping(f"{ours}.gate_up_EDJ", gate_up, (width, width), count),
        Mapping(f"{ours}.down_EID", down, (config.hidden_size,), count),
    ]
    if shared := width * config.n_shared_experts:
        found += _swiglu(f"{ours}.shared", f"{theirs}.shared_experts", shared)
    return found
