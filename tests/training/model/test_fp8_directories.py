"""DeepSeek's FP8 layout: read as it is meant, written as it was read."""

import json
import logging
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from kernels.quantize import dequantize_blocks, quantize_blocks
from tests.tolerance import ABSOLUTE
from tests.training.model.random_models import build, padded_batch, positions
from training.model import ModelConfig, hf
from training.model.checkpoint_names import mappings, mtp_mappings

RAGGED = ModelConfig(
    vocab_size=97, hidden_size=144, intermediate_size=200, moe_intermediate_size=136,
    num_hidden_layers=2, num_attention_heads=3, kv_lora_rank=132, q_lora_rank=140,
    qk_nope_head_dim=48, qk_rope_head_dim=8, v_head_dim=44, n_routed_experts=4,
    num_experts_per_tok=2, n_group=2, topk_group=1, max_position_embeddings=256,
    initializer_range=0.1, num_nextn_predict_layers=1,
)  # fmt: skip
"""No side of a matrix is a multiple of 128."""

WHOLE = ModelConfig(
    vocab_size=97, hidden_size=128, intermediate_size=256, moe_intermediate_size=128,
    num_hidden_layers=2, num_attention_heads=2, kv_lora_rank=128, q_lora_rank=128,
    qk_nope_head_dim=64, qk_rope_head_dim=128, v_head_dim=64, n_routed_experts=4,
    num_experts_per_tok=2, max_position_embeddings=256, initializer_range=0.1,
)  # fmt: skip
"""Whole blocks only: transformers 5.23 divides others wrongly, or not at all."""

HIGH = ("embed_tokens", "lm_head", "norm", "mlp.gate.", "eh_proj", "shared_head")


def stored(directory: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for file in directory.glob("*.safetensors"):
        found |= load_file(file)
    return found


def test_the_files_are_those_that_deepseek_publishes(tmp_path: Path) -> None:
    hf.save(build(RAGGED).bfloat16(), tmp_path, fp8=True)
    config = json.loads((tmp_path / "config.json").read_text())
    tensors = stored(tmp_path)
    weights = {name for name in tensors if not name.endswith("_scale_inv")}

    assert config["quantization_config"] == {
        "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
        "weight_block_size": [128, 128],
    }  # fmt: skip
    assert config["dtype"] == "bfloat16"
    for name in weights:
        high = any(part in name for part in HIGH)
        bias = name.endswith("e_score_correction_bias")
        expected = torch.float32 if bias else torch.bfloat16 if high else torch.float8_e4m3fn
        assert tensors[name].dtype == expected, name
        assert (f"{name}_scale_inv" in tensors) == (not high), name
        if not high:
            scale = tensors[f"{name}_scale_inv"]
            assert scale.dtype == torch.float32
            assert scale.shape == tuple(-(-side // 128) for side in tensors[name].shape), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_weight_is_its_value_times_the_scale_of_its_block(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    hf.save(build(RAGGED).bfloat16(), tmp_path, fp8=True)
    tensors = stored(tmp_path)
    state = hf.load(tmp_path, dtype).state_dict()
    checked = 0
    for mapping in (*mappings(RAGGED), *mtp_mappings(RAGGED)):
        for name, piece in mapping.split(state[mapping.ours]).items():
            if not mapping.linear:
                continue
            scale = tensors[f"{name}_scale_inv"].double()
            rows, columns = (torch.arange(side) // 128 for side in piece.shape)
            exact = tensors[name].double() * scale[rows[:, None], columns[None]]
            assert torch.equal(piece, exact.float().to(dtype)), name
            checked += 1
    assert checked == len([name for name in tensors if name.endswith("_scale_inv")]) > 30


def test_what_was_read_is_written_back_byte_for_byte(tmp_path: Path) -> None:
    hf.save(build(RAGGED).bfloat16(), tmp_path / "a", fp8=True)
    hf.save(hf.load(tmp_path / "a"), tmp_path / "b", fp8=True)
    for name in ("config.json", "model.safetensors", "mtp.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(1, 300),
    columns=st.integers(1, 300),
    exponent=st.integers(-30, 10),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_bf16_weight_is_quantised_to_the_same_bytes_again(
    seed: int, rows: int, columns: int, exponent: int
) -> None:
    """Values and scales: the scale is largest / 448, and a bf16 number comes back from that."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, columns, generator=generator).mul(2.0**exponent).bfloat16()
    once = quantize_blocks(weight)
    again = quantize_blocks(dequantize_blocks(once, torch.bfloat16))
    assert torch.equal(once.values.view(torch.uint8), again.values.view(torch.uint8))
    assert torch.equal(once.scales, again.scales)


def test_scales_that_were_not_made_from_bf16_keep_every_value(tmp_path: Path) -> None:
    """Then the largest value of a block is rounded to bf16, and the scale by at most as much."""
    hf.save(build(RAGGED), tmp_path / "a", fp8=True)  # fp32 weights
    hf.save(hf.load(tmp_path / "a", torch.bfloat16), tmp_path / "b", fp8=True)
    a, b = stored(tmp_path / "a"), stored(tmp_path / "b")
    for name, tensor in a.items():
        if tensor.dtype == torch.float8_e4m3fn:
            assert torch.equal(tensor.view(torch.uint8), b[name].view(torch.uint8)), name
            scale = f"{name}_scale_inv"
            torch.testing.assert_close(a[scale], b[scale], rtol=2**-8, atol=0)


def test_transformers_computes_the_same_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - slow to import

    hf.save(build(WHOLE).bfloat16(), tmp_path, fp8=True)
    with caplog.at_level(logging.WARNING):  # that it dequantises, having no GPU
        other, report = AutoModelForCausalLM.from_pretrained(
            tmp_path, dtype=torch.bfloat16, output_loading_info=True, attn_implementation="eager"
        )
    assert not any(report.values()), report
    model = hf.load(tmp_path).float()
    tokens_BT, mask_BT = padded_batch(WHOLE)
    with torch.no_grad():
        theirs_BTV = other.float()(
            input_ids=tokens_BT, attention_mask=mask_BT.long(), position_ids=positions(mask_BT)
        ).logits
        ours_BTV = model.logits(model(tokens_BT, mask_BT))
    difference = (ours_BTV - theirs_BTV)[mask_BT].abs().max()
    assert difference < ABSOLUTE[torch.float32]
