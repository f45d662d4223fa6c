"""The shape of a DeepSeek-V3-style model, with the field names of Hugging Face's config.json."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal


class ModelConfigError(ValueError):
    """A field of the model's shape is missing, unsupported or at odds with another; names it."""


@dataclass(frozen=True, kw_only=True)
class YarnScaling:
    """YaRN context extension of the rotary key (V3 report, section 4.3; arXiv 2309.00071)."""

    factor: float
    original_max_position_embeddings: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    mscale: float = 0.0
    mscale_all_dim: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Dimensions of one model. Names and meanings are those of `DeepseekV3Config`.

    Raises `ModelConfigError` when the dimensions do not fit together.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    moe_intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    kv_lora_rank: int
    q_lora_rank: int | None
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    n_routed_experts: int
    num_experts_per_tok: int
    n_shared_experts: int = 1
    n_group: int = 1
    topk_group: int = 1
    first_k_dense_replace: int = 1
    scoring_func: Literal["sigmoid", "softmax"] = "sigmoid"
    topk_method: Literal["noaux_tc", "greedy", "group_limited_greedy"] = "noaux_tc"
    routed_scaling_factor: float = 1.0
    norm_topk_prob: bool = True
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    rope_scaling: YarnScaling | None = None
    max_position_embeddings: int = 4096
    num_nextn_predict_layers: int = 0
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    pad_token_id: int | None = None

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ModelConfigError(f"{name} is {value}: it must be positive")
        if self.qk_rope_head_dim % 2:
            raise ModelConfigError(
                f"qk_rope_head_dim is {self.qk_rope_head_dim}: rotary dimensions come in pairs, "
                "choose an even number"
            )
        if not 0 <= self.first_k_dense_replace <= self.num_hidden_layers:
            raise ModelConfigError(
                f"first_k_dense_replace is {self.first_k_dense_replace}: it must lie between 0 "
                f"and num_hidden_layers ({self.num_hidden_layers})"
            )
        self._check_routing()

    def _check_routing(self) -> None:
        if self.n_routed_experts % self.n_group:
            raise ModelConfigError(
                f"n_group is {self.n_group}: it must divide n_routed_experts "
                f"({self.n_routed_experts})"
            )
        if self.topk_group > self.n_group:
            raise ModelConfigError(
                f"topk_group is {self.topk_group}: it cannot exceed n_group ({self.n_group})"
            )
        selectable = self.topk_group * self.n_routed_experts // self.n_group
        if self.num_experts_per_tok > selectable:
            raise ModelConfigError(
                f"num_experts_per_tok is {self.num_experts_per_tok}: only {selectable} experts "
                "are selectable with these n_routed_experts, n_group and topk_group"
            )

    @property
    def qk_head_dim(self) -> int:
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    @property
    def softmax_scale(self) -> float:
        """1/sqrt(qk_head_dim), times YaRN's mscale squared where the context was extended."""
        scale = self.qk_head_dim**-0.5
        if self.rope_scaling is not None and self.rope_scaling.mscale_all_dim:
            scale *= yarn_mscale(self.rope_scaling.factor, self.rope_scaling.mscale_all_dim) ** 2
        return scale

    @property
    def has_expert_bias(self) -> bool:
        """Whether selection follows a bias that training moves (V3) or the scores alone (V2)."""
        return self.topk_method == "noaux_tc"

    def is_dense(self, layer: int) -> bool:
        return layer < self.first_k_dense_replace

    def to_hf(self) -> dict[str, Any]:
        """The content of config.json, readable by transformers and by vLLM."""
        shape = asdict(self)
        yarn = shape.pop("rope_scaling")
        rope = {"rope_theta": shape.pop("rope_theta"), "rope_type": "default"}
        if yarn is not None:
            rope |= {"rope_type": "yarn", **yarn}
        return {
            "architectures": ["DeepseekV3ForCausalLM"],
            "model_type": "deepseek_v3",
            **shape,
            "num_key_value_heads": self.num_attention_heads,
            "rope_parameters": rope,
            **_FIXED,
        }

    @classmethod
    def from_hf(cls, source: dict[str, Any]) -> ModelConfig:
        """Read config.json as transformers 4 or 5 writes it.

        Raises `ModelConfigError` naming the field that is missing or that asks for something
        this implementation does not compute.
        """
        if source.get("model_type") != "deepseek_v3":
            raise ModelConfigError(f"model_type is {source.get('model_type')!r}: need deepseek_v3")
        for name, needed in _FIXED.items():
            if source.get(name, needed) != needed:
                raise ModelConfigError(f"{name} is {source[name]!r}: only {needed!r} is supported")
        heads = source.get("num_attention_heads")
        if source.get("num_key_value_heads", heads) not in (heads, None):
            raise ModelConfigError("num_key_value_heads must equal num_attention_heads")
        rope = source.get("rope_parameters") or source.get("rope_scaling") or {}
        values: dict[str, Any] = {
            "rope_theta": rope.get("rope_theta", source.get("rope_theta", 10000.0)),
            "rope_scaling": _yarn_from_hf(rope),
        }
        for field in fields(cls):
            if field.name not in values and field.name in source:
                values[field.name] = source[field.name]
        required = [name for name in _REQUIRED if name not in values]
        if required:
            raise ModelConfigError(f"{required[0]} is missing from the model's config")
        return cls(**values)


def yarn_mscale(factor: float, mscale: float) -> float:
    """Attention temperature of YaRN: 0.1 * mscale * ln(factor) + 1."""
    return 0.1 * mscale * math.log(factor) + 1.0 if factor > 1 else 1.0


def _yarn_from_hf(rope: dict[str, Any]) -> YarnScaling | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind != "yarn":
        raise ModelConfigError(f"rope_type is {kind!r}: only 'default' and 'yarn' are supported")
    known = {field.name for field in fields(YarnScaling)}
    for name in ("factor", "original_max_position_embeddings"):
        if name not in rope:
            raise ModelConfigError(f"rope_parameters.{name} is missing: yarn needs it")
    return YarnScaling(**{name: value for name, value in rope.items() if name in known})


_FIXED: dict[str, Any] = {
    "hidden_act": "silu",
    "attention_bias": False,
    "rope_interleave": True,
    "moe_layer_freq": 1,
}
_POSITIVE = (
    "vocab_size", "hidden_size", "intermediate_size", "moe_intermediate_size",
    "num_hidden_layers", "num_attention_heads", "kv_lora_rank", "q_lora_rank",
    "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "n_routed_experts",
    "num_experts_per_tok", "n_group", "topk_group",
    "routed_scaling_factor", "rms_norm_eps", "rope_theta", "max_position_embeddings",
    "initializer_range",
)  # fmt: skip
_REQUIRED = (
    "vocab_size", "hidden_size", "intermediate_size", "moe_intermediate_size",
    "num_hidden_layers", "num_attention_heads", "kv_lora_rank", "q_lora_rank",
    "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "n_routed_experts",
    "num_experts_per_tok",
)  # fmt: skip
