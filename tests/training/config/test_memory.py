"""The memory calculator's arithmetic: what follows from a config and a model's shape."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import RunConfig, resolve
from training.config.memory import (
    Lengths,
    MemoryEstimate,
    Model,
    Shape,
    Sizes,
    UnknownShapeError,
    estimate,
    read_model,
    shipped_model,
)
from training.config.memory.chunk import chunk_memory
from training.config.memory.job import Dtype, Job
from training.model import ModelConfig, Transformer

NANO = shipped_model("nano-base")
P = 2_812_864
DTYPES: tuple[Dtype, ...] = ("bf16", "fp8", "fp32")
V3 = Shape(
    vocab_size=129280, hidden_size=7168, intermediate_size=18432, moe_intermediate_size=2048,
    num_hidden_layers=61, num_attention_heads=128, kv_lora_rank=512, q_lora_rank=1536,
    qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128, n_routed_experts=256,
    num_experts_per_tok=8, first_k_dense_replace=3, max_position_embeddings=163840,
)  # fmt: skip


def of(overrides: dict[str, Any] | None = None, **more: Any) -> MemoryEstimate:
    assert NANO is not None
    config = resolve("r1-zero-nano", overrides or {}).config
    return estimate(config, NANO, **{"device": "cpu", "dtype": "bf16", **more})


def part(found: MemoryEstimate, phase: str, name: str) -> int:
    (sizes,) = [each.parts for each in found.phases if each.phase == phase]
    return sizes.get(name, 0)  # type: ignore[call-overload,no-any-return]


def write_header(directory: Path, shapes: dict[str, list[int]]) -> None:
    """A safetensors file without its numbers."""
    header = {name: {"dtype": "BF16", "shape": shape} for name, shape in shapes.items()}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    (directory / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)


def read(directory: Path, **changes: Any) -> Shape:
    """NANO's shape, read from a config.json with those fields; Ellipsis leaves one out."""
    assert NANO is not None
    assert isinstance(NANO.shape, Shape)
    fields = NANO.shape.to_hf() | changes
    fields = {name: value for name, value in fields.items() if value is not ...}
    (directory / "config.json").write_text(json.dumps(fields))
    shape = read_model(directory).shape
    assert isinstance(shape, Shape)
    return shape


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"q_lora_rank": None, "tie_word_embeddings": True},
        {"n_shared_experts": 0, "first_k_dense_replace": 0},
        {"first_k_dense_replace": 3, "num_nextn_predict_layers": 1},
        {"num_nextn_predict_layers": 1, "n_shared_experts": 2},
    ],
)
def test_parameters_are_those_of_the_model(config: ModelConfig, changes: dict[str, Any]) -> None:
    changed = replace(config, **changes)
    with torch.device("meta"):
        model = Transformer(changed)
    parameters = list(model.parameters())
    shape = Shape.from_hf(changed.to_hf())
    assert shape.parameters == sum(each.numel() for each in parameters)
    assert shape.largest_tensor == max(each.numel() for each in parameters)


def test_zero_shards_optimiser_then_gradients_then_weights() -> None:
    stages = [
        of({"hardware": {"zero_stage": stage, "processes": 4, "chunk_tokens": 80}})
        for stage in range(4)
    ]
    optimiser = [part(found, "sampling", "optimiser") for found in stages]
    assert optimiser == [12 * P, 3 * P, 3 * P, 3 * P]
    gradients = [part(found, "optimiser_step", "gradients") for found in stages]
    assert gradients[:3] == [6 * P, P, P]
    # Stage 3 keeps its bucket and its shard of the gradients, and samples from a whole copy.
    assert gradients[3] == P + 2 * P + P // 2
    folded = part(stages[0], "sampling", "weights") - 2 * P
    tables = 8 * 512 * 16
    assert part(stages[3], "sampling", "weights") == 2 * P + P // 2 + folded + tables


def test_shared_out_experts_lie_beside_the_whole_copy() -> None:
    nano = shipped_model("nano-base")
    assert nano is not None
    routed = nano.shape.routed_parameters
    plain, shared = (
        of({"hardware": {"processes": 2, "expert_parallel": ranks}}) for ranks in (1, 2)
    )
    grown = part(shared, "sampling", "weights") - part(plain, "sampling", "weights")
    assert grown == 2 * (P - routed // 2) + 8 * 512 * 16
    assert part(shared, "sampling", "optimiser") == part(plain, "sampling", "optimiser")
    assert any("each other's experts" in note for note in shared.notes)


@pytest.mark.parametrize(
    ("overrides", "name", "phase", "saved"),
    [
        ({"optim": {"moment_dtype": "bf16"}}, "optimiser", "sampling", 4 * P),
        ({"grpo": {"kl_coef": 0}}, "reference", "training", 2 * P + 8 * 512 * 16),
    ],
)
def test_what_a_setting_saves(overrides: dict[str, Any], name: str, phase: str, saved: int) -> None:
    assert part(of(), phase, name) - part(of(overrides), phase, name) == saved


def test_fp32_weights_take_twice_as_much() -> None:
    plain = part(of(), "training", "weights")
    assert part(of({"hardware": {"dtype": "fp32"}}), "training", "weights") == 2 * plain
    assert part(of(dtype="fp32"), "training", "weights") == 2 * plain
    assert part(of({"hardware": {"dtype": "fp8"}}), "training", "weights") == plain


def test_fp8_keeps_less_for_the_backward_pass() -> None:
    bf16, fp8 = (of({"hardware": {"dtype": dtype}}, device="cuda") for dtype in ("bf16", "fp8"))
    assert part(fp8, "training", "activations") < part(bf16, "training", "activations")
    assert part(fp8, "sampling", "latent_cache") == part(bf16, "sampling", "latent_cache")


def test_the_parts_of_a_phase_add_up_and_the_peak_is_the_hungriest() -> None:
    found = of()
    assert all(sum(each.parts.values()) == each.bytes for each in found.phases)
    assert found.peak_bytes == found.phases[0].bytes == max(each.bytes for each in found.phases)
    assert found.most_bytes >= found.peak_bytes
    assert set(found.parts) == {
        "weights", "reference", "gradients", "optimiser", "activations", "latent_cache", "logits",
    }  # fmt: skip


def test_evaluation_takes_no_more_than_sampling_unless_a_problem_alone_does() -> None:
    small = {"grpo": {"prompts_per_step": 1, "group_size": 2}, "hardware": {"chunk_tokens": 80}}
    many = of({**small, "evaluation": {"problems": 20_000, "completions_per_problem": 2}})
    by_phase = {each.phase: each.bytes for each in many.phases}
    assert by_phase["evaluation"] == by_phase["sampling"]
    found = of({**small, "evaluation": {"completions_per_problem": 1024}})
    assert found.phases[0].phase == "evaluation"
    off = of({"evaluation": {"every_steps": 0}})
    assert {each.phase for each in off.phases} == {"training", "optimiser_step", "sampling"}


def test_a_process_holds_its_own_completions_of_a_shared_prompt() -> None:
    alone = of({"grpo": {"prompts_per_step": 1, "group_size": 4}}, device_bytes=10**9)
    shared = of(
        {"grpo": {"prompts_per_step": 2, "group_size": 8}, "hardware": {"processes": 4}},
        device_bytes=10**9,
    )
    for name in ("latent_cache", "logits"):
        assert part(shared, "sampling", name) == part(alone, "sampling", name) > 0
        assert part(shared, "training", name) == part(alone, "training", name)
    activations = part(shared, "training", "activations")
    assert activations == part(alone, "training", "activations") > 0


def test_rows_bound_what_sampling_and_evaluation_hold() -> None:
    few = of({"sampling": {"engine": {"max_sequences": 16}}})
    for phase in ("sampling", "evaluation"):
        assert 8 * part(few, phase, "logits") == part(of(), "sampling", "logits")
        assert 4 * part(few, phase, "latent_cache") < part(of(), "sampling", "latent_cache")
    assert few.largest_sequences == of().largest_sequences


def test_what_routing_replay_notes_is_counted() -> None:
    noted = of({"sampling": {"routing_replay": True}})
    more = part(noted, "sampling", "activations") - part(of(), "sampling", "activations")
    assert more == 2 * 128 * 64 * 3 * 2  # int16, completions, tokens, sparse layers, experts


def test_the_largest_chunk_tokens_is_the_largest() -> None:
    size = of(device_bytes=200_000_000).largest_chunk_tokens
    assert size
    assert 80 < size < 8320
    least, next_one = (
        of({"hardware": {"chunk_tokens": each}}, device_bytes=200_000_000)
        for each in (size, size + 1)
    )
    assert (least.fits, next_one.fits) == (True, False)


def test_what_does_not_fit_at_all_says_so() -> None:
    found = of(device_bytes=10_000_000)
    assert (found.fits, found.largest_chunk_tokens, found.largest_sequences) == (False, 0, 0)


def test_nothing_is_claimed_of_an_unknown_device() -> None:
    found = of()
    assert found.fits is found.largest_chunk_tokens is found.largest_sequences is None


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    small=st.integers(1, 8320),
    more=st.integers(0, 8320),
    stage=st.integers(0, 3),
    processes=st.sampled_from([1, 2, 8]),
    cuda=st.booleans(),
)
def test_a_larger_chunk_never_takes_less(
    small: int, more: int, stage: int, processes: int, cuda: bool
) -> None:
    hardware = {"zero_stage": stage, "processes": processes}
    device = "cuda" if cuda else "cpu"
    before, after = (
        of({"hardware": {**hardware, "chunk_tokens": size}}, device=device)
        for size in (small, small + more)
    )
    # The last chunk of several holds gradients of those before it; a lone one does not.
    kept = 4 * P if small < 8320 // processes <= small + more else 0
    assert after.most_bytes + kept >= before.most_bytes


def test_lengths_tell_their_mean_and_the_longest() -> None:
    lengths = Lengths(5, (10.0, 20.0, 40.0))
    assert lengths.spread(100) == (pytest.approx(22.5, rel=1e-3), 40)
    assert lengths.spread(15) == (pytest.approx(14.375, rel=1e-3), 15)
    assert Lengths(5, (7.0,)).spread(100) == (7, 7)


def test_without_measured_lengths_the_longest_allowed_are_assumed() -> None:
    assert NANO is not None
    found = estimate(RunConfig(), Model(NANO.shape), device="cpu")
    assert found.completion_tokens == 64
    assert found.peak_bytes == found.most_bytes
    assert found.notes[0] == "Computed for completions that all reach 64 tokens."


def test_a_model_of_another_kind_is_counted_by_its_headers(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 99}')
    write_header(tmp_path, {"embed": [32, 8], "layer": [8, 8], "norm": [8]})
    model = read_model(tmp_path)
    assert model.shape == Sizes(
        parameters=32 * 8 + 64 + 8,
        largest_tensor=256,
        title="llama by transformers",
        max_position_embeddings=99,
    )
    found = estimate(RunConfig(), model, device="cpu", device_bytes=10**9)
    assert not found.complete
    assert set(found.parts) == {"weights", "reference", "gradients", "optimiser"}
    assert found.fits is found.largest_chunk_tokens is None
    assert "not estimated" in found.notes[0]


@pytest.mark.parametrize(
    ("config", "tensors", "message"),
    [
        (None, b"", "config.json cannot be read"),
        ("{", b"", "config.json is not valid JSON."),
        ("[]", b"", "config.json is not a JSON object."),
        ('{"model_type": "deepseek_v3"}', b"", "vocab_size is missing from the model's config"),
        ("{}", b"", "model_type is None: need deepseek_v2 or deepseek_v3"),
        ('{"model_type": "llama"}', b"", "cannot be read as safetensors."),
        ('{"model_type": "llama"}', b"\xff" * 100, "cannot be read as safetensors."),
    ],
)
def test_a_model_that_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, config: str | None, tensors: bytes, message: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    (tmp_path / "model.safetensors").write_bytes(tensors)
    with pytest.raises(UnknownShapeError, match=message.replace(".", r"\.")):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": "many"}, "hidden_size is 'many': it must be int"),
        ({"hidden_size": True}, "hidden_size is True: it must be int"),
        ({"hidden_size": None}, "hidden_size is missing from the model's config"),
        ({"num_attention_heads": 0, "num_key_value_heads": 0}, "num_attention_heads is 0: it must"),
        ({"qk_rope_head_dim": 15}, "qk_rope_head_dim is 15: rotary dimensions come in pairs"),
        ({"topk_group": 9}, r"topk_group is 9: it cannot exceed n_group \(1\)"),
        ({"first_k_dense_replace": 99}, "first_k_dense_replace is 99: it must lie between 0 and"),
        ({"num_nextn_predict_layers": 2}, "num_nextn_predict_layers is 2: 0 and 1 are supported"),
        ({"attention_bias": True}, "attention_bias is True: only False is supported"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quant_method is 'gptq': only 'fp8'"),
    ],
)
def test_a_shape_that_the_model_refuses_is_refused_in_its_words(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnknownShapeError, match=message):
        read(tmp_path, **changes)


def test_what_a_config_leaves_open_is_what_the_family_means_by_it(tmp_path: Path) -> None:
    assert read(tmp_path, first_k_dense_replace=...).first_k_dense_replace == 3
    older = {
        "model_type": "deepseek_v2", "scoring_func": "softmax", "topk_method": "greedy",
        "norm_topk_prob": False, "rope_interleave": None,
    }  # fmt: skip
    v2 = read(tmp_path, **older, first_k_dense_replace=..., n_shared_experts=...)
    assert (v2.first_k_dense_replace, v2.n_shared_experts) == (0, 2)
    none = read(tmp_path, n_shared_experts=None, num_nextn_predict_layers=None)
    assert (none.n_shared_experts, none.num_nextn_predict_layers) == (0, 0)


@pytest.mark.parametrize(("layer", "kept"), [(3, 0), (4, 1)])
def test_a_guessing_layer_that_the_files_lack_does_not_count(
    layer: int, kept: int, tmp_path: Path
) -> None:
    write_header(tmp_path, {f"model.layers.{layer}.input_layernorm.weight": [192]})
    assert read(tmp_path, num_nextn_predict_layers=1).num_nextn_predict_layers == kept


def test_the_head_on_a_gpu_holds_what_its_backward_pass_makes() -> None:
    v3, longest = replace(V3, num_hidden_layers=4), Lengths(64, (4096.0,))
    config = resolve(None, {"sampling": {"max_new_tokens": 4096}}).config
    rows = 3 * 4096  # completions that fit into a chunk of 16,384 tokens with their prompt
    head = {dtype: chunk_memory(Job(config, v3, True, dtype, longest)).head for dtype in DTYPES}
    # Gradients: the weight's in bf16, the states' and what is added to them in fp32, and as many
    # of the logits' as the kernels leave at once (tiles of 128 columns).
    columns = (1 << 27) // rows // 128 * 128
    assert head["bf16"] == 2 * 129_280 * 7168 + 8 * rows * 7168 + 2 * rows * columns
    assert head["fp8"] == head["bf16"]
    assert head["fp32"] == 4 * 129_280 * 7168 + 4 * rows * 7168 + 16 * 128 * 129_280


def test_deepseek_v3_comes_to_its_published_size() -> None:
    assert math.isclose(V3.parameters, 671e9, rel_tol=1e-3)
    config = resolve(None, {"sampling": {"max_new_tokens": 4096}}).config
    found = estimate(config, Model(V3), device="cuda")
    cache = part(found, "sampling", "latent_cache")
    tokens = 128 * 4096 + 2 * 8 * 64  # a prompt fills a page, and is kept once more while it begins
    assert math.isclose(cache, 70_272 * tokens, rel_tol=1e-3)  # 70,272 bytes a token


def test_vllm_beside_the_trainer_holds_weights_and_cache_of_its_own() -> None:
    vllm = {"type": "vllm", "kv_cache_gib": 2, "max_sequences": 48}
    beside = of({"sampling": {"engine": vllm}}, device_bytes=8 * 2**30)
    for phase in ("training", "optimiser_step", "sampling", "evaluation"):
        assert part(beside, phase, "latent_cache") == 2 * 2**30
    assert part(beside, "training", "weights") == 2 * part(of(), "training", "weights")
    assert part(beside, "sampling", "logits") == 0
    assert beside.largest_sequences == 48
    elsewhere = of({"sampling": {"engine": {**vllm, "addresses": ["node:7100"]}}})
    assert part(elsewhere, "training", "weights") == part(of(), "training", "weights")
    assert part(elsewhere, "sampling", "latent_cache") == 0
