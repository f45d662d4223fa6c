"""Whatever does not fit is one error that names the file, the tensor or the field."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.training.model.random_models import build, edit_json, with_fields
from training.model import ModelConfig, ModelConfigError, hf

Tensors = dict[str, Tensor]
EXPERT = "model.layers.1.mlp.experts.5.up_proj.weight"
SCALE = f"{EXPERT}_scale_inv"
NORM = "model.norm.weight"
MTP_EMBEDDING = "model.layers.3.embed_tokens.weight"

SMALL = ModelConfig(
    vocab_size=20, hidden_size=8, intermediate_size=8, moe_intermediate_size=8,
    num_hidden_layers=1, num_attention_heads=1, kv_lora_rank=4, q_lora_rank=None,
    qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=4, n_routed_experts=2,
    num_experts_per_tok=1, first_k_dense_replace=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole")
    hf.save(build(SMALL), path)
    return (path / "model.safetensors").read_bytes()


def damage(file: Path, change: Callable[[Tensors], object]) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


@pytest.mark.parametrize("name", [EXPERT, NORM, "model.layers.0.self_attn.kv_b_proj.weight"])
def test_a_missing_tensor_is_named(tmp_path: Path, config: ModelConfig, name: str) -> None:
    hf.save(build(config), tmp_path)
    damage(tmp_path / "model.safetensors", lambda tensors: tensors.pop(name))
    with pytest.raises(hf.CheckpointError, match=f"^{name} is missing"):
        hf.load(tmp_path)


def test_an_extra_tensor_is_named(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path)
    damage(tmp_path / "model.safetensors", lambda held: held.update(stray=torch.zeros(1)))
    with pytest.raises(hf.CheckpointError, match="no place for: stray"):
        hf.load(tmp_path)


def test_a_misshapen_tensor_is_named_with_both_shapes(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path)
    damage(tmp_path / "model.safetensors", lambda held: held.update({NORM: torch.zeros(3)}))
    with pytest.raises(hf.CheckpointError, match=rf"{NORM} has shape \[3\].*\[48\]"):
        hf.load(tmp_path)


def test_dimensions_that_do_not_fit_name_a_tensor(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path)
    edit_json(tmp_path / "config.json", moe_intermediate_size=25)
    with pytest.raises(
        hf.CheckpointError, match=r"experts.0.gate_proj.weight has shape \[24, 48\]"
    ):
        hf.load(tmp_path)


def test_whole_numbers_are_no_weights(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path)
    damage(tmp_path / "model.safetensors", lambda held: held.update({NORM: held[NORM].int()}))
    with pytest.raises(hf.CheckpointError, match=f"{NORM} is stored as I32"):
        hf.load(tmp_path)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (torch.full((1, 1), torch.nan), f"{SCALE} holds a scale that is not a positive number"),
        (torch.full((1, 1), torch.inf), f"{SCALE} holds a scale"),
        (torch.zeros(1, 1), f"{SCALE} holds a scale"),
        (torch.full((1, 1), -1.0), f"{SCALE} holds a scale"),
        (torch.ones(2, 1), rf"{SCALE} has shape \[2, 1\].*\[1, 1\]"),
        (torch.ones(1, 1).bfloat16(), f"{SCALE} is stored as torch.bfloat16: need float32"),
        (None, f"{SCALE} is missing"),
    ],
)
def test_a_scale_that_no_weight_can_have_is_named(
    tmp_path: Path, config: ModelConfig, scale: Tensor | None, message: str
) -> None:
    hf.save(build(config), tmp_path, fp8=True)

    def change(held: Tensors) -> None:
        del held[SCALE]
        if scale is not None:
            held[SCALE] = scale

    damage(tmp_path / "model.safetensors", change)
    with pytest.raises(hf.CheckpointError, match=message):
        hf.load(tmp_path)


def test_bf16_where_fp8_was_announced_is_named(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path, fp8=True)
    damage(
        tmp_path / "model.safetensors", lambda held: held.update({EXPERT: held[EXPERT].bfloat16()})
    )
    with pytest.raises(hf.CheckpointError, match=f"{EXPERT} is not stored in FP8"):
        hf.load(tmp_path)


def test_fp8_that_nobody_announced_is_named(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path, fp8=True)
    edit_json(tmp_path / "config.json", quantization_config=None)
    with pytest.raises(hf.CheckpointError, match=r"q_a_proj.weight is stored in FP8"):
        hf.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quant_method": "awq"}, "quantization_config.quant_method is 'awq'"),
        ({"fmt": "e5m2"}, "quantization_config.fmt is 'e5m2'"),
        ({"activation_scheme": "static"}, "quantization_config.activation_scheme is 'static'"),
        ({"weight_block_size": [64, 64]}, r"quantization_config.weight_block_size is \[64, 64\]"),
        ({"weight_block_size": None}, r"quantization_config.weight_block_size is None"),
    ],
)
def test_another_quantisation_is_refused(
    tmp_path: Path, config: ModelConfig, change: dict[str, object], message: str
) -> None:
    hf.save(build(config), tmp_path, fp8=True)
    announced = json.loads((tmp_path / "config.json").read_text())["quantization_config"]
    edit_json(tmp_path / "config.json", quantization_config=announced | change)
    with pytest.raises(ModelConfigError, match=message):
        hf.load(tmp_path)


@given(cut=st.floats(0, 1, exclude_max=True))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_truncated_file_is_named_wherever_it_ends(
    tmp_path_factory: pytest.TempPathFactory, small_file: bytes, cut: float
) -> None:
    path = tmp_path_factory.mktemp("cut")
    (path / "config.json").write_text(json.dumps(SMALL.to_hf()))
    (path / "model.safetensors").write_bytes(small_file[: int(len(small_file) * cut)])
    with pytest.raises(hf.CheckpointError, match=r"model.safetensors cannot be read"):
        hf.load(path)


@given(data=st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_damaged_header_is_an_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, small_file: bytes, data: st.DataObject
) -> None:
    """A byte of the header is another: no other exception, no weight that nobody filled."""
    path = tmp_path_factory.mktemp("header")
    length = int.from_bytes(small_file[:8], "little")
    place = data.draw(st.integers(0, 8 + length - 1))
    content = bytearray(small_file)
    content[place] ^= data.draw(st.integers(1, 255))
    (path / "config.json").write_text(json.dumps(SMALL.to_hf()))
    (path / "model.safetensors").write_bytes(content)
    with contextlib.suppress(hf.CheckpointError):
        model = hf.load(path)
        assert all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values())


def test_an_index_that_names_a_missing_file(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path, shard_bytes=50_000)
    lost = sorted(tmp_path.glob("*.safetensors"))[2]
    lost.unlink()
    with pytest.raises(hf.CheckpointError, match=f"{lost.name} is missing"):
        hf.load(tmp_path)


def test_an_index_that_looks_in_the_wrong_file(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path, shard_bytes=50_000)
    file = tmp_path / "model.safetensors.index.json"
    index = json.loads(file.read_text())
    index["weight_map"][NORM] = index["weight_map"]["model.embed_tokens.weight"]
    file.write_text(json.dumps(index))
    with pytest.raises(hf.CheckpointError, match=f"{NORM} is not in model-00.*where model.saf"):
        hf.load(tmp_path)


@pytest.mark.parametrize("content", ["[]", '{"weight_map": []}', "{", '{"weight_map": {"a": 1}}'])
def test_an_index_that_is_none(tmp_path: Path, config: ModelConfig, content: str) -> None:
    hf.save(build(config), tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(hf.CheckpointError, match=r"model.safetensors.index.json"):
        hf.load(tmp_path)


def test_a_tensor_in_two_files_is_named(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(config), tmp_path)
    save_file({NORM: torch.ones(48)}, tmp_path / "more.safetensors")
    with pytest.raises(hf.CheckpointError, match=f"{NORM} is both in model.saf.*more.safetensors"):
        hf.load(tmp_path)


def test_half_a_prediction_layer_is_named(tmp_path: Path, config: ModelConfig) -> None:
    hf.save(build(with_fields(config, num_nextn_predict_layers=1)), tmp_path)
    damage(tmp_path / "mtp.safetensors", lambda held: held.pop("model.layers.3.enorm.weight"))
    with pytest.raises(hf.CheckpointError, match=r"model.layers.3.enorm.weight is missing"):
        hf.load(tmp_path)


def test_a_prediction_layer_that_nobody_announced_is_named(
    tmp_path: Path, config: ModelConfig
) -> None:
    hf.save(build(with_fields(config, num_nextn_predict_layers=1)), tmp_path)
    edit_json(tmp_path / "config.json", num_nextn_predict_layers=None)
    with pytest.raises(hf.CheckpointError, match=r"no place for: model.layers.3.eh_proj.weight"):
        hf.load(tmp_path)


def test_a_prediction_layer_with_an_embedding_of_its_own_is_refused(
    tmp_path: Path, config: ModelConfig
) -> None:
    hf.save(build(with_fields(config, num_nextn_predict_layers=1)), tmp_path)
    damage(tmp_path / "mtp.safetensors", lambda held: held[MTP_EMBEDDING].mul_(2))
    with pytest.raises(hf.CheckpointError, match=f"{MTP_EMBEDDING} differs"):
        hf.load(tmp_path)


def test_a_tied_head_may_be_stored_but_not_differ(tmp_path: Path, config: ModelConfig) -> None:
    model = build(with_fields(config, tie_word_embeddings=True))
    hf.save(model, tmp_path)
    embedding = model.embedding.weight.detach().clone()
    damage(tmp_path / "model.safetensors", lambda held: held.update({"lm_head.weight": embedding}))
    assert torch.equal(hf.load(tmp_path).head.weight, embedding)
    damage(tmp_path / "model.safetensors", lambda held: held["lm_head.weight"].mul_(2))
    with pytest.raises(hf.CheckpointError, match=r"lm_head.weight differs"):
        hf.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "config.json is missing"), ("{", "is not valid JSON"), ("[]", "holds no JSON object")],
)
def test_a_directory_without_a_config_is_refused(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(hf.CheckpointError, match=message):
        hf.load(tmp_path)


def test_a_directory_without_weights_is_refused(tmp_path: Path, config: ModelConfig) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config.to_hf()))
    with pytest.raises(hf.CheckpointError, match=r"holds no .safetensors file"):
        hf.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kv_lora_rank": 0}, "kv_lora_rank is 0"),
        ({"n_group": 3}, "n_group is 3"),
        ({"topk_group": 9}, "topk_group is 9"),
        ({"num_experts_per_tok": 9}, "num_experts_per_tok is 9"),
        ({"qk_rope_head_dim": 7}, "qk_rope_head_dim is 7"),
        ({"first_k_dense_replace": 9}, "first_k_dense_replace is 9"),
        ({"n_shared_experts": -1}, "n_shared_experts is -1"),
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"rope_interleave": False}, "rope_interleave is False"),
        ({"hidden_size": None}, "hidden_size is missing"),
    ],
)
def test_an_unusable_field_is_named(
    config: ModelConfig, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelConfigError, match=message):
        ModelConfig.from_hf(config.to_hf() | change)
