"""The config.json of published models is read, means what it says, and has its parameters."""

import contextlib
import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.model import ModelConfig, ModelConfigError, Transformer, YarnScaling

V3: dict[str, Any] = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
    "attention_bias": False, "attention_dropout": 0.0, "aux_loss_alpha": 0.001, "ep_size": 1,
    "bos_token_id": 0, "eos_token_id": 1, "first_k_dense_replace": 3, "hidden_act": "silu",
    "hidden_size": 7168, "initializer_range": 0.02, "intermediate_size": 18432,
    "kv_lora_rank": 512, "max_position_embeddings": 163840, "moe_intermediate_size": 2048,
    "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 256, "n_shared_experts": 1,
    "norm_topk_prob": True, "num_attention_heads": 128, "num_experts_per_tok": 8,
    "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1,
    "pretraining_tp": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "quantization_config": {
        "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
        "weight_block_size": [128, 128],
    },
    "rms_norm_eps": 1e-06,
    "rope_scaling": {
        "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 4096, "type": "yarn",
    },
    "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid",
    "seq_aux": True, "tie_word_embeddings": False, "topk_group": 4, "topk_method": "noaux_tc",
    "torch_dtype": "bfloat16", "transformers_version": "4.33.1", "use_cache": True,
    "v_head_dim": 128, "vocab_size": 129280,
}  # fmt: skip
MOONLIGHT: dict[str, Any] = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
    "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV3Config"},
    "attention_bias": False, "attention_dropout": 0.0, "aux_loss_alpha": 0.001,
    "bos_token_id": 163584, "eos_token_id": 163586, "ep_size": 1, "first_k_dense_replace": 1,
    "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 11264, "kv_lora_rank": 512, "max_position_embeddings": 8192,
    "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64,
    "n_shared_experts": 2, "norm_topk_prob": True, "num_attention_heads": 16,
    "num_experts_per_tok": 6, "num_hidden_layers": 27, "num_key_value_heads": 16,
    "num_nextn_predict_layers": 0, "pretraining_tp": 1, "q_lora_rank": None,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-05,
    "rope_theta": 50000.0, "routed_scaling_factor": 2.446, "scoring_func": "sigmoid",
    "seq_aux": True, "tie_word_embeddings": False, "topk_group": 1, "topk_method": "noaux_tc",
    "torch_dtype": "bfloat16", "transformers_version": "4.46.3", "use_cache": True,
    "v_head_dim": 128, "vocab_size": 163840,
}  # fmt: skip
V2_LITE: dict[str, Any] = {
    "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2",
    "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV2Config"},
    "attention_bias": False, "attention_dropout": 0.0, "aux_loss_alpha": 0.001,
    "bos_token_id": 100000, "eos_token_id": 100001, "first_k_dense_replace": 1,
    "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 10944, "kv_lora_rank": 512, "max_position_embeddings": 163840,
    "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64,
    "n_shared_experts": 2, "norm_topk_prob": False, "num_attention_heads": 16,
    "num_experts_per_tok": 6, "num_hidden_layers": 27, "num_key_value_heads": 16,
    "pretraining_tp": 1, "q_lora_rank": None, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "rms_norm_eps": 1e-06,
    "rope_scaling": {
        "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
        "original_max_position_embeddings": 4096, "type": "yarn",
    },
    "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax",
    "seq_aux": True, "tie_word_embeddings": False, "topk_group": 1, "topk_method": "greedy",
    "torch_dtype": "bfloat16", "transformers_version": "4.33.1", "use_cache": True,
    "v_head_dim": 128, "vocab_size": 102400,
}  # fmt: skip
V2: dict[str, Any] = V2_LITE | {
    "first_k_dense_replace": 1, "hidden_size": 5120, "intermediate_size": 12288,
    "moe_intermediate_size": 1536, "n_group": 8, "n_routed_experts": 160,
    "num_attention_heads": 128, "num_hidden_layers": 60, "num_key_value_heads": 128,
    "q_lora_rank": 1536, "routed_scaling_factor": 16.0, "topk_group": 3,
    "topk_method": "group_limited_greedy",
}  # fmt: skip
PUBLISHED = {"V3": V3, "Moonlight": MOONLIGHT, "V2-Lite": V2_LITE, "V2": V2}

V3_ATTENTION = (
    7168 * 1536 + 1536 + 1536 * 128 * 192 + 7168 * 576 + 512 + 512 * 128 * 256 + 128 * 128 * 7168
)
SMALL_ATTENTION = 2048 * 16 * 192 + 2048 * 576 + 512 + 512 * 16 * 256 + 16 * 128 * 2048
V3_SPARSE = V3_ATTENTION + 2 * 7168 + 256 * 7168 + 257 * 3 * 7168 * 2048
V3_MTP = V3_SPARSE + 3 * 7168 + 2 * 7168 * 7168
SMALL_EXPERTS = 64 * 2048 + 66 * 3 * 2048 * 1408
PARAMETERS = {
    "V3": 2 * 129280 * 7168 + 7168 + 61 * (V3_ATTENTION + 2 * 7168) + 3 * 3 * 7168 * 18432
    + 58 * (256 * 7168 + 257 * 3 * 7168 * 2048) + V3_MTP,
    "Moonlight": 2 * 163840 * 2048 + 2048 + 27 * (SMALL_ATTENTION + 2 * 2048)
    + 3 * 2048 * 11264 + 26 * SMALL_EXPERTS,
    "V2-Lite": 2 * 102400 * 2048 + 2048 + 27 * (SMALL_ATTENTION + 2 * 2048)
    + 3 * 2048 * 10944 + 26 * SMALL_EXPERTS,
}  # fmt: skip
"""Embedding, head and norms, attention, dense and sparse feed-forwards, one by one."""


def test_the_sums_are_the_sizes_the_models_are_known_by() -> None:
    assert PARAMETERS["V3"] - V3_MTP == 671_026_404_352
    assert V3_MTP == 11_610_067_968
    assert PARAMETERS["Moonlight"] == 15_960_108_544
    assert PARAMETERS["V2-Lite"] == 15_706_484_224


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_published_shape_builds_with_all_its_parameters(name: str) -> None:
    with torch.device("meta"):
        model = Transformer(ModelConfig.from_hf(PUBLISHED[name]))

    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_config_is_written_back_as_what_it_was(name: str) -> None:
    source = PUBLISHED[name]
    config = ModelConfig.from_hf(source)
    written = json.loads(json.dumps(config.to_hf()))

    assert ModelConfig.from_hf(written) == config
    rope = written.pop("rope_parameters")
    assert rope["rope_theta"] == source["rope_theta"]
    if "rope_scaling" in source:
        expected = {k: v for k, v in source["rope_scaling"].items() if k != "type"}
        assert rope.items() >= expected.items()
        assert rope["rope_type"] == "yarn"
    for field in written.keys() & source.keys():
        assert written[field] == source[field], field


def test_yarn_of_v3_multiplies_the_softmax_scale_by_1_874() -> None:
    config = ModelConfig.from_hf(V3)

    assert config.rope_scaling == YarnScaling(
        factor=40, original_max_position_embeddings=4096, mscale=1.0, mscale_all_dim=1.0
    )
    assert config.softmax_scale * 192**0.5 == pytest.approx(1.8739, abs=1e-4)


@pytest.mark.parametrize("source", [V3, V2_LITE, V2])
def test_transformers_reads_the_same_from_what_is_written(source: dict[str, Any]) -> None:
    from transformers import AutoConfig  # noqa: PLC0415 - slow to import

    written = ModelConfig.from_hf(source).to_hf()
    kind = written.pop("model_type")
    read = AutoConfig.for_model(kind, **written).to_dict()

    assert ModelConfig.from_hf(read) == ModelConfig.from_hf(source)


@pytest.mark.parametrize(
    ("source", "change", "message"),
    [
        (V3, {"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        (V3, {"attention_bias": True}, "attention_bias is True"),
        (V3, {"attention_dropout": 0.1}, "attention_dropout is 0.1"),
        (V3, {"moe_layer_freq": 2}, "moe_layer_freq is 2"),
        (V3, {"scoring_func": "softmax"}, "scoring_func is 'softmax'"),
        (V3, {"topk_method": "greedy"}, "topk_method is 'greedy'"),
        (V3, {"num_nextn_predict_layers": 2}, "num_nextn_predict_layers is 2"),
        (V3, {"num_key_value_heads": 1}, "num_key_value_heads must equal"),
        (V3, {"hidden_size": "7168"}, "hidden_size is '7168': it must be int"),
        (V3, {"hidden_size": 7168.5}, "hidden_size is 7168.5: it must be int"),
        (V3, {"vocab_size": True}, "vocab_size is True: it must be int"),
        (V3, {"norm_topk_prob": 1}, "norm_topk_prob is 1: it must be bool"),
        (V3, {"eos_token_id": [1, 2]}, r"eos_token_id is \[1, 2\]: it must be int or null"),
        (V3, {"rms_norm_eps": float("nan")}, "rms_norm_eps is nan"),
        (V3, {"rope_scaling": {"type": "linear"}}, "rope_type is 'linear'"),
        (V3, {"rope_scaling": "yarn"}, "rope_parameters is 'yarn'"),
        (V3, {"rope_scaling": V3["rope_scaling"] | {"truncate": False}}, "truncate is False"),
        (V3, {"rope_scaling": V3["rope_scaling"] | {"attention_factor": 2.0}}, "attention_factor"),
        (V3, {"rope_scaling": V3["rope_scaling"] | {"factor": None}}, "factor is missing"),
        (V3, {"rope_scaling": V3["rope_scaling"] | {"factor": 0}}, "factor is 0"),
        (V3, {"rope_scaling": V3["rope_scaling"] | {"beta_fast": "32"}}, "beta_fast is '32'"),
        (V2, {"mlp_bias": True}, "mlp_bias is True"),
        (V2, {"use_mla": False}, "use_mla is False"),
        (V2, {"norm_topk_prob": True}, "norm_topk_prob is true"),
        (V2, {"scoring_func": "sigmoid"}, "scoring_func is 'sigmoid'"),
        (V2, {"topk_method": "noaux_tc"}, "topk_method is 'noaux_tc'"),
        (V2, {"n_group": None}, "n_group is missing"),
        (V2, {"topk_group": None}, "topk_group is missing"),
        (V2, {"model_type": "deepseek_v32"}, "model_type is 'deepseek_v32'"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(
    source: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelConfigError, match=message):
        ModelConfig.from_hf(source | change)


def test_groups_may_be_absent_where_selection_is_greedy() -> None:
    config = ModelConfig.from_hf(V2_LITE | {"n_group": None, "topk_group": None})

    assert config == ModelConfig.from_hf(V2_LITE)


def test_a_router_between_v2_and_v3_is_refused() -> None:
    shape = vars(ModelConfig.from_hf(V2_LITE))

    with pytest.raises(ModelConfigError, match="topk_method is 'greedy': sigmoid scores"):
        ModelConfig(**{**shape, "scoring_func": "sigmoid"})


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=1),
)  # fmt: skip


@given(source=st.sampled_from([V3, V2]), data=st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_a_config_holds_it_is_read_or_refused(
    source: dict[str, Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted({*source, "rope_parameters", *source["rope_scaling"]})))
    value = data.draw(VALUES)
    inner = source["rope_scaling"] | {name: value}
    change = {"rope_scaling": inner} if name in source["rope_scaling"] else {name: value}
    with contextlib.suppress(ModelConfigError):
        config = ModelConfig.from_hf(source | change)
        assert ModelConfig.from_hf(json.loads(json.dumps(config.to_hf()))) == config
