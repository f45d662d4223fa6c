"""Where weights come from, and the architecture of those that are made here."""

from typing import Literal

from pydantic import Field

from training.config.schema.base import Strict


class ModelConfig(Strict):
    """Architecture of a DeepSeek-V3-style model; the fields bear DeepSeek's names."""

    vocab_size: int = Field(512, ge=16)
    hidden_size: int = Field(256, ge=8)
    intermediate_size: int = Field(768, ge=8, description="Width of the dense feed-forward.")
    moe_intermediate_size: int = Field(192, ge=8, description="Width of one expert.")
    num_hidden_layers: int = Field(4, ge=1)
    first_k_dense_replace: int = Field(1, ge=0, description="Leading layers without experts.")
    num_attention_heads: int = Field(4, ge=1)
    q_lora_rank: int | None = Field(128, ge=1, description="Not set: queries are not compressed.")
    kv_lora_rank: int = Field(64, ge=1)
    qk_nope_head_dim: int = Field(32, ge=1)
    qk_rope_head_dim: int = Field(16, ge=2, multiple_of=2)
    v_head_dim: int = Field(32, ge=1)
    n_routed_experts: int = Field(8, ge=1)
    n_shared_experts: int = Field(1, ge=0)
    num_experts_per_tok: int = Field(2, ge=1)
    n_group: int = Field(1, ge=1)
    topk_group: int = Field(1, ge=1)
    scoring_func: Literal["sigmoid", "softmax"] = Field(
        "sigmoid", description="How the router scores experts: V3 by sigmoid, V2 by softmax."
    )
    topk_method: Literal["noaux_tc", "greedy", "group_limited_greedy"] = Field(
        "noaux_tc",
        description="How experts are selected: V3 with a balancing bias, V2 by score alone.",
    )
    norm_topk_prob: bool = True
    routed_scaling_factor: float = Field(1.0, gt=0)
    rope_theta: float = Field(10000.0, gt=0)
    rms_norm_eps: float = Field(1e-6, gt=0)
    max_position_embeddings: int = Field(512, ge=16)
    num_nextn_predict_layers: Literal[0, 1] = Field(
        0, description="1: one more layer that predicts the token after next (MTP)."
    )
    tie_word_embeddings: bool = True
    initializer_range: float = Field(0.02, gt=0)


class DenseConfig(Strict):
    """Architecture of a dense model, transformers' Llama; the fields bear its names."""

    hidden_size: int = Field(128, ge=8)
    intermediate_size: int = Field(384, ge=8)
    num_hidden_layers: int = Field(3, ge=1)
    num_attention_heads: int = Field(4, ge=1)
    num_key_value_heads: int = Field(4, ge=1)
    vocab_size: int = Field(512, ge=16)
    max_position_embeddings: int = Field(512, ge=16)
    tie_word_embeddings: bool = True
    initializer_range: float = Field(0.02, gt=0)


class StartConfig(Strict):
    """Where the policy's weights come from."""

    path: str = Field(
        "nano-base",
        min_length=1,
        max_length=1024,
        description="A checkpoint that ships with r1web (nano-base, nano-dense) or a directory in "
        "Hugging Face layout on the node.",
    )
