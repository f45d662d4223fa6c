"""Saving and loading keep every bit; anything that does not fit is an error with a name in it."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from safetensors.torch import load_file, save_file

from tests.training.model.random_models import YARN, build, configs
from training.model import ModelConfig, ModelConfigError, hf


@given(config=configs())
@settings(max_examples=10, deadline=None, derandomize=True)
def test_config_survives_its_hugging_face_form(config: ModelConfig) -> None:
    assert ModelConfig.from_hf(json.loads(json.dumps(config.to_hf()))) == config


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tied", [False, True])
def test_round_trip_is_bit_exact(
    tmp_path: Path, config: ModelConfig, dtype: torch.dtype, tied: bool
) -> None:
    shape = ModelConfig(**{**vars(config), "tie_word_embeddings": tied})
    model = build(shape).to(dtype)
    hf.save(model, tmp_path)
    again = hf.load(tmp_path)
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == again.state_dict()[name].dtype, name
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert (again.head.weight is again.embedding.weight) == tied


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


def test_a_missing_tensor_is_named(tmp_path: Path, config: ModelConfig) -> None:
    name = "model.layers.1.mlp.experts.5.up_proj.weight"
    _edit(tmp_path, config, lambda tensors: tensors.pop(name))
    with pytest.raises(hf.CheckpointError, match=f"{name} is missing"):
        hf.load(tmp_path)


def test_an_extra_tensor_is_named(tmp_path: Path, config: ModelConfig) -> None:
    _edit(tmp_path, config, lambda tensors: tensors.update(stray=torch.zeros(1)))
    with pytest.raises(hf.CheckpointError, match="no place for: stray"):
        hf.load(tmp_path)


def test_a_misshapen_tensor_is_named_with_both_shapes(tmp_path: Path, config: ModelConfig) -> None:
    _edit(tmp_path, config, lambda tensors: tensors.update({"model.norm.weight": torch.zeros(3)}))
    with pytest.raises(hf.CheckpointError, match=r"model.norm.weight has shape \[3\].*\[48\]"):
        hf.load(tmp_path)


def test_a_truncated_file_is_named(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(hf.CheckpointError, match=r"model.safetensors cannot be read"):
        hf.load(tmp_path)


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(hf.CheckpointError, match=r"config.json is missing"):
        hf.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"rope_interleave": False}, "rope_interleave is False"),
        ({"num_key_value_heads": 1}, "num_key_value_heads must equal"),
        ({"kv_lora_rank": 0}, "kv_lora_rank is 0"),
        ({"n_group": 3}, "n_group is 3"),
        ({"topk_group": 9}, "topk_group is 9"),
        ({"num_experts_per_tok": 9}, "num_experts_per_tok is 9"),
        ({"qk_rope_head_dim": 7}, "qk_rope_head_dim is 7"),
        ({"first_k_dense_replace": 9}, "first_k_dense_replace is 9"),
        ({"rope_parameters": {"rope_type": "llama3"}}, "rope_type is 'llama3'"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_parameters.factor is missing"),
    ],
)
def test_an_unusable_field_is_named(
    config: ModelConfig, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelConfigError, match=message):
        ModelConfig.from_hf(config.to_hf() | change)


def test_a_missing_field_is_named(config: ModelConfig) -> None:
    source = config.to_hf()
    del source["kv_lora_rank"]
    with pytest.raises(ModelConfigError, match="kv_lora_rank is missing"):
        ModelConfig.from_hf(source)


def test_the_older_spelling_of_rope_fields_is_read(config: ModelConfig) -> None:
    source = config.to_hf()
    rope = source.pop("rope_parameters")
    yarn = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
            "mscale": 1.0, "mscale_all_dim": 0.7}  # fmt: skip
    read = ModelConfig.from_hf({**source, "rope_theta": rope["rope_theta"], "rope_scaling": yarn})
    assert read.rope_theta == config.rope_theta
    assert read.rope_scaling == YARN


def _edit(path: Path, config: ModelConfig, change: object) -> None:
    hf.save(build(config), path)
    tensors = load_file(path / "model.safetensors")
    change(tensors)  # type: ignore[operator]
    save_file(tensors, path / "model.safetensors")
