"""The shape of a DeepSeek-V2 or V3 model, with the field names of Hugging Face's config.json."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args, get_type_hints


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

    The router makes the family: V3 scores by sigmoid and selects with a bias (`noaux_tc`), V2
    scores by softmax and selects by score alone. Raises `ModelConfigError` when fields do not fit
    together.
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
        _check_types(self)
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ModelConfigError(f"{name} is {value}: it must be positive and finite")
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
        if self.num_nextn_predict_layers not in (0, 1):
            raise ModelConfigError(
                f"num_nextn_predict_layers is {self.num_nextn_predict_layers}: "
                "0 and 1 are supported"
            )
        self._check_routing()

    def _check_routing(self) -> None:
        if (self.scoring_func == "sigmoid") != (self.topk_method == "noaux_tc"):
            raise ModelConfigError(
                f"topk_method is {self.topk_method!r}: sigmoid scores (V3) go with 'noaux_tc', "
                "softmax scores (V2) with 'greedy' or 'group_limited_greedy'"
            )
        if self.model_type == "deepseek_v2" and self.norm_topk_prob:
            raise ModelConfigError(
                "norm_topk_prob is true: with softmax scores (V2) transformers ignores it, and "
                "DeepSeek's own code then leaves out routed_scaling_factor; set it to false"
            )
        if self.n_shared_experts < 0:
            raise ModelConfigError(f"n_shared_experts is {self.n_shared_experts}: 0 means none")
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
        scale: float = self.qk_head_dim**-0.5
        if self.rope_scaling is not None and self.rope_scaling.mscale_all_dim:
            scale *= yarn_mscale(self.rope_scaling.factor, self.rope_scaling.mscale_all_dim) ** 2
        return scale

    @property
    def has_expert_bias(self) -> bool:
        """Whether selection follows a bias that training moves (V3) or the scores alone (V2)."""
        return self.topk_method == "noaux_tc"

    def is_dense(self, layer: int) -> bool:
        return layer < self.first_k_dense_replace

    @property
    def model_type(self) -> str:
        """What transformers and vLLM call the family: deepseek_v3 or deepseek_v2."""
        return "deepseek_v3" if self.scoring_func == "sigmoid" else "deepseek_v2"

    def to_hf(self) -> dict[str, Any]:
        """The content of config.json, readable by transformers and by vLLM."""
        shape = asdict(self)
        yarn = shape.pop("rope_scaling")
        rope = {"rope_theta": shape.pop("rope_theta"), "rope_type": "default"}
        if yarn is not None:
            rope |= {"rope_type": "yarn", **yarn}
        return {
            "architectures": [_ARCHITECTURES[self.model_type]],
            "model_type": self.model_type,
            **shape,
            "num_key_value_heads": self.num_attention_heads,
            "rope_parameters": rope,
            "hidden_act": "silu",
            "attention_bias": False,
            "moe_layer_freq": 1,
            **({"rope_interleave": True} if self.model_type == "deepseek_v3" else {}),
        }

    @classmethod
    def from_hf(cls, source: dict[str, Any]) -> Self:
        """Read config.json as DeepSeek publishes it and as transformers 4 or 5 writes it.

        Raises `ModelConfigError` naming the field that is missing or that asks for something
        this implementation does not compute.
        """
        family = source.get("model_type")
        if not isinstance(family, str) or family not in _DEFAULTS:
            known = " or ".join(_DEFAULTS)
            raise ModelConfigError(f"model_type is {family!r}: need {known}")
        _check_fixed(source, family)
        values: dict[str, Any] = dict(_DEFAULTS[family])
        for field in fields(cls):
            if source.get(field.name) is not None:
                values[field.name] = source[field.name]
        if "n_shared_experts" in source and source["n_shared_experts"] is None:
            values["n_shared_experts"] = 0
        if "q_lora_rank" in source:
            values["q_lora_rank"] = source["q_lora_rank"]
        rope = source.get("rope_parameters") or source.get("rope_scaling") or {}
        if not isinstance(rope, dict):
            raise ModelConfigError(f"rope_parameters is {rope!r}: it must be an object")
        values["rope_theta"] = rope.get("rope_theta", source.get("rope_theta", 10000.0))
        values["rope_scaling"] = _yarn_from_hf(rope)
        required = [name for name in _REQUIRED if name not in values]
        if required:
            raise ModelConfigError(f"{required[0]} is missing from the model's config")
        return cls(**values)


def _check_fixed(source: dict[str, Any], family: str) -> None:
    """What has one value in every model of the family that we compute."""
    for name, needed in (_FIXED | _ROUTERS[family]).items():
        value = source.get(name)
        if value is not None and value not in needed:
            supported = " or ".join(repr(item) for item in needed)
            raise ModelConfigError(
                f"{name} is {value!r}: only {supported} is supported in {family}"
            )
    for name in ("n_group", "topk_group"):
        if source.get("topk_method") == "group_limited_greedy" and source.get(name) is None:
            raise ModelConfigError(
                f"{name} is missing: topk_method 'group_limited_greedy' needs it"
            )
    heads = source.get("num_attention_heads")
    if source.get("num_key_value_heads", heads) not in (heads, None):
        raise ModelConfigError("num_key_value_heads must equal num_attention_heads")


def _check_types(config: ModelConfig) -> None:
    """JSON and TOML carry anything: say which field is not what it should be."""
    for name, hint in get_type_hints(type(config)).items():
        value = getattr(config, name)
        kinds = get_args(hint) or (hint,)
        if get_args(hint) and isinstance(kinds[0], str):
            if value not in kinds:
                raise ModelConfigError(f"{name} is {value!r}: choose one of {', '.join(kinds)}")
            continue
        accepted = (*kinds, int) if float in kinds else kinds
        right = type(value) is bool if bool in kinds else isinstance(value, accepted)
        if not right or (type(value) is bool and bool not in kinds):
            wanted = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise ModelConfigError(f"{name} is {value!r}: it must be {wanted}")


def yarn_mscale(factor: float, mscale: float) -> float:
    """Attention temperature of YaRN: 0.1 * mscale * ln(factor) + 1."""
    return 0.1 * mscale * math.log(factor) + 1.0 if factor > 1 else 1.0


def _yarn_from_hf(rope: dict[str, Any]) -> YarnScaling | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind != "yarn":
        raise ModelConfigError(f"rope_type is {kind!r}: only 'default' and 'yarn' are supported")
    for name, neutral in (
        ("attention_factor", None),
        ("truncate", True),
        ("partial_rotary_factor", 1),
    ):
        if rope.get(name, neutral) not in (neutral, None):
            raise ModelConfigError(f"rope_parameters.{name} is {rope[name]!r}: not supported")
    values = {field.name: rope.get(field.name) for field in fields(YarnScaling)}
    for name in ("factor", "original_max_position_embeddings"):
        if values[name] is None:
            raise ModelConfigError(f"rope_parameters.{name} is missing: yarn needs it")
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        number = type(value) in (int, float) and 0 <= value < math.inf
        if not number or (value == 0 and not name.startswith("mscale")):
            raise ModelConfigError(f"rope_parameters.{name} is {value!r}: need a positive number")
    return YarnScaling(**given)


_ARCHITECTURES = {
    "deepseek_v2": "DeepseekV2ForCausalLM",
    "deepseek_v3": "DeepseekV3ForCausalLM",
}
_ROUTERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "deepseek_v2": {
        "scoring_func": ("softmax",),
        "topk_method": ("greedy", "group_limited_greedy"),
    },
    "deepseek_v3": {"scoring_func": ("sigmoid",), "topk_method": ("noaux_tc",)},
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "deepseek_v2": {
        "scoring_func": "softmax", "topk_method": "greedy", "norm_topk_prob": False,
        "n_shared_experts": 2, "first_k_dense_replace": 0, "max_position_embeddings": 2048,
    },
    "deepseek_v3": {
        "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": True,
        "n_shared_experts": 1, "n_group": 8, "topk_group": 4, "routed_scaling_factor": 2.5,
        "first_k_dense_replace": 3, "max_position_embeddings": 4096,
    },
}  # fmt: skip
"""What transformers' config classes mean by a field that is not there, where ours differ."""
_FIXED: dict[str, tuple[Any, ...]] = {
    "hidden_act": ("silu",),
    "attention_bias": (False,),
    "mlp_bias": (False,),
    "attention_dropout": (0.0,),
    "rope_interleave": (True,),
    "moe_layer_freq": (1,),
    "use_mla": (True,),
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
