"""Saving and loading keep every bit, whatever the shape; what is saved opens in transformers."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from tests.training.model.random_models import (
    YARN,
    build,
    configs,
    edit_json,
    padded_batch,
    twin,
    with_fields,
)
from training.model import ModelConfig, hf


@given(
    config=configs(), mtp=st.sampled_from([0, 1]), shared=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)  # fmt: skip
@settings(max_examples=50, deadline=None, derandomize=True)
def test_round_trip_is_bit_exact(
    tmp_path_factory: pytest.TempPathFactory, config: ModelConfig, mtp: int, shared: bool,
    dtype: torch.dtype,
) -> None:  # fmt: skip
    directory = tmp_path_factory.mktemp("model")
    shape = with_fields(config, num_nextn_predict_layers=mtp)
    shape = shape if shared else with_fields(shape, n_shared_experts=0)
    model = build(shape).to(dtype)
    hf.save(model, directory)
    again = hf.load(directory)
    assert again.config == shape
    state = again.state_dict()
    assert model.state_dict().keys() == state.keys()
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == state[name].dtype, name
        assert torch.equal(tensor, state[name]), name
    assert (again.head.weight is again.embedding.weight) == shape.tie_word_embeddings


@pytest.mark.parametrize("family", ["deepseek_v2", "deepseek_v3"])
@pytest.mark.parametrize("mtp", [0, 1])
def test_what_is_saved_opens_in_transformers_without_a_complaint(
    tmp_path: Path, config: ModelConfig, family: str, mtp: int
) -> None:
    """Nor of the multi-token prediction layer, whatever its number."""
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - slow to import

    shape = with_fields(config, num_nextn_predict_layers=mtp)
    if family == "deepseek_v2":
        shape = with_fields(
            shape, scoring_func="softmax", topk_method="group_limited_greedy", norm_topk_prob=False
        )
    model = build(shape)
    hf.save(model, tmp_path)
    other, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    assert other.config.model_type == family
    expected = twin(model).state_dict()
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("family", ["deepseek_v2", "deepseek_v3"])
def test_what_transformers_saves_is_read(
    tmp_path: Path, config: ModelConfig, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It announces a multi-token prediction layer with every V3 model, and never writes one."""
    shape = with_fields(config, num_nextn_predict_layers=int(family == "deepseek_v3"))
    if family == "deepseek_v2":
        shape = with_fields(
            shape, scoring_func="softmax", topk_method="greedy", norm_topk_prob=False,
            n_group=1, topk_group=1,
        )  # fmt: skip
    model = build(shape)
    twin(model).save_pretrained(tmp_path)
    again = hf.load(tmp_path)
    tokens_BT, mask_BT = padded_batch(config)
    with torch.no_grad():
        assert torch.equal(model(tokens_BT, mask_BT), again(tokens_BT, mask_BT))
    assert ("loading the model without that layer" in caplog.text) == (family == "deepseek_v3")
    assert again.config.num_nextn_predict_layers == 0


def test_a_config_of_0_passes_over_the_prediction_layer(
    tmp_path: Path, config: ModelConfig
) -> None:
    model = build(with_fields(config, num_nextn_predict_layers=1))
    hf.save(model, tmp_path)
    edit_json(tmp_path / "config.json", num_nextn_predict_layers=0)
    again = hf.load(tmp_path)
    assert again.mtp is None
    assert torch.equal(again.norm.weight, model.norm.weight)


def test_the_prediction_layer_has_the_names_of_deepseek(
    tmp_path: Path, config: ModelConfig
) -> None:
    model = build(with_fields(config, num_nextn_predict_layers=1))
    hf.save(model, tmp_path)
    held = load_file(tmp_path / "mtp.safetensors")
    assert all(name.startswith("model.layers.3.") for name in held)
    names = {name.removeprefix("model.layers.3.") for name in held}
    assert names >= {
        "enorm.weight", "hnorm.weight", "eh_proj.weight", "embed_tokens.weight",
        "shared_head.norm.weight", "shared_head.head.weight", "input_layernorm.weight",
        "self_attn.q_a_proj.weight", "mlp.gate.weight", "mlp.gate.e_score_correction_bias",
        "mlp.experts.7.down_proj.weight", "mlp.shared_experts.up_proj.weight",
    }  # fmt: skip
    assert torch.equal(held["model.layers.3.embed_tokens.weight"], model.embedding.weight)
    assert torch.equal(held["model.layers.3.shared_head.head.weight"], model.head.weight)
    assert torch.equal(held["model.layers.3.eh_proj.weight"], model.mtp.join.weight)


def test_files_saved_twice_are_the_same(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path / "a")
    hf.save(hf.load(tmp_path / "a"), tmp_path / "b")
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_loading_leaves_the_random_numbers_alone(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path)
    state = torch.get_rng_state()
    hf.load(tmp_path)
    assert torch.equal(state, torch.get_rng_state())


def test_tokenizer_files_travel_along(tmp_path: Path, config: ModelConfig) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "tokenizer.json").write_text("{}")
    hf.save(build(config), tmp_path / "to", tokenizer_path=tmp_path / "from")
    assert (tmp_path / "to" / "tokenizer.json").read_text() == "{}"


def test_the_older_spelling_of_rope_fields_is_read(config: ModelConfig) -> None:
    source = config.to_hf()
    rope = source.pop("rope_parameters")
    yarn = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
            "mscale": 1.0, "mscale_all_dim": 0.7}  # fmt: skip
    read = ModelConfig.from_hf({**source, "rope_theta": rope["rope_theta"], "rope_scaling": yarn})
    assert read.rope_theta == config.rope_theta
    assert read.rope_scaling == YARN
