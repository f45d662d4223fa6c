"""How the model's tensors are called and cut in a Hugging Face DeepSeek directory.

Our matrices are fused where one product does the work of several; the checkpoint keeps them apart.
Each of our tensors maps to a list of pieces that `split` cuts: views of its memory, to be read from
when saving and filled when loading.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from training.model.config import ModelConfig


@dataclass(frozen=True)
class Mapping:
    """One tensor of ours and the checkpoint's pieces of it.

    Pieces are row blocks of `rows` rows each (all of it when there is one piece). With
    `experts`, the leading dimension counts experts and the pieces of each are stored transposed.
    `linear` says that the pieces are stored in FP8 where a checkpoint is: DeepSeek's list.
    """

    ours: str
    pieces: tuple[str, ...]
    rows: tuple[int, ...] = ()
    experts: int = 0
    linear: bool = False

    def split(self, tensor: Tensor) -> dict[str, Tensor]:
        """Views of `tensor` by the checkpoint's names."""
        if not self.experts:
            parts = tensor.split(self.rows) if self.rows else (tensor,)
            return dict(zip(self.pieces, parts, strict=True))
        parts = tensor.transpose(1, 2).split(self.rows, dim=1)
        return {
            name.format(expert=expert): part[expert]
            for name, part in zip(self.pieces, parts, strict=True)
            for expert in range(self.experts)
        }


def mappings(config: ModelConfig) -> list[Mapping]:
    """All tensors of a model of this shape, in checkpoint order."""
    found = [Mapping("embedding.weight", ("model.embed_tokens.weight",))]
    for layer in range(config.num_hidden_layers):
        found += _layer(config, f"blocks.{layer}", layer)
    found.append(Mapping("norm.weight", ("model.norm.weight",)))
    if not config.tie_word_embeddings:
        found.append(Mapping("head.weight", ("lm_head.weight",)))
    return found


def mtp_mappings(config: ModelConfig) -> list[Mapping]:
    """The tensors of the multi-token prediction layer, which is numbered after the last layer."""
    if not config.num_nextn_predict_layers:
        return []
    theirs = f"model.layers.{config.num_hidden_layers}."
    return [
        Mapping("mtp.embedding_norm.weight", (f"{theirs}enorm.weight",)),
        Mapping("mtp.hidden_norm.weight", (f"{theirs}hnorm.weight",)),
        Mapping("mtp.join.weight", (f"{theirs}eh_proj.weight",)),
        *_layer(config, "mtp.block", config.num_hidden_layers),
        Mapping("mtp.norm.weight", (f"{theirs}shared_head.norm.weight",)),
    ]


def mtp_copies(config: ModelConfig) -> list[Mapping]:
    """What DeepSeek's files hold once more within the multi-token prediction layer."""
    if not config.num_nextn_predict_layers:
        return []
    theirs = f"model.layers.{config.num_hidden_layers}."
    return [
        Mapping("embedding.weight", (f"{theirs}embed_tokens.weight",)),
        Mapping("head.weight", (f"{theirs}shared_head.head.weight",)),
    ]


def _layer(config: ModelConfig, ours: str, layer: int) -> list[Mapping]:
    theirs = f"model.layers.{layer}"
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
            Mapping(f"{ours}.q_up.weight", (f"{theirs}.q_b_proj.weight",), linear=True),
        ]
    down = (f"{theirs}.{query}.weight", f"{theirs}.kv_a_proj_with_mqa.weight")
    return [
        Mapping(f"{ours}.down.weight", down, (rank, latent), linear=True),
        *compressed,
        Mapping(f"{ours}.kv_norm.weight", (f"{theirs}.kv_a_layernorm.weight",)),
        Mapping(f"{ours}.kv_up.weight", (f"{theirs}.kv_b_proj.weight",), linear=True),
        Mapping(f"{ours}.out.weight", (f"{theirs}.o_proj.weight",), linear=True),
    ]


def _swiglu(ours: str, theirs: str, width: int) -> list[Mapping]:
    gate_up = (f"{theirs}.gate_proj.weight", f"{theirs}.up_proj.weight")
    return [
        Mapping(f"{ours}.gate_up.weight", gate_up, (width, width), linear=True),
        Mapping(f"{ours}.down.weight", (f"{theirs}.down_proj.weight",), linear=True),
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
        Mapping(f"{ours}.gate_up_EDJ", gate_up, (width, width), count, linear=True),
        Mapping(f"{ours}.down_EID", down, (config.hidden_size,), count, linear=True),
    ]
    if shared := width * config.n_shared_experts:
        found += _swiglu(f"{ours}.shared", f"{theirs}.shared_experts", shared)
    return found
