"""The calculator may not import torch, so it repeats sizes of the trainer's: these are the same."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from kernels import buckets, latent_cache, linear_logprob, rms_norm
from training import setup
from training.base_models import StartError
from training.config import ConfigError, RunConfig, resolve
from training.config.memory import (
    Model,
    Sizes,
    UnknownShapeError,
    check_run,
    chunk,
    phases,
    read_model,
    shape,
    shipped_model,
)
from training.distributed.expert_parallel import ExpertParallelError, share_out
from training.model import ModelConfigError, fp8_checkpoint, packing, policy
from training.model.causal_lm import CausalLM, _check_config
from training.rollout import cache, decoder
from training.rollout.native import NO_GUESSER

LLAMA = Model(Sizes(1, 1, "LlamaForCausalLM by transformers", 100))


def refusal(config: dict[str, Any], model: Model, prompt: int = 16) -> str:
    with pytest.raises(ConfigError) as refused:
        check_run(settings(config), model, "cpu", prompt)
    return str(refused.value)


def settings(config: dict[str, Any]) -> RunConfig:
    return resolve("r1-zero-nano", config).config


def test_sizes_are_those_of_the_trainer() -> None:
    assert chunk.CHUNK_ELEMENTS == linear_logprob.CHUNK_ELEMENTS
    assert chunk.CHUNK_ROWS == linear_logprob.CHUNK_ROWS
    assert chunk.GRADIENT_ELEMENTS == linear_logprob.GRADIENT_ELEMENTS
    assert chunk.TILE_COLUMNS == linear_logprob.TILE_V
    assert chunk.SMALL_NORM == rms_norm.SMALL
    assert chunk.TIME_MULTIPLE == packing.TIME_MULTIPLE
    assert phases.COLUMN_STEP == cache.COLUMN_STEP
    assert phases.PAGE == latent_cache.PAGE
    assert phases.FEW_EXPERTS == decoder.FEW
    counts = range(1, 5000, 7)
    assert [*map(chunk.bucket, counts)] == [*map(buckets.bucket, counts)]


def test_gradients_of_the_logits_are_as_many_as_the_kernels_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Triton is not there on every machine that runs these tests.
    cdiv = SimpleNamespace(cdiv=lambda a, b: math.ceil(a / b))
    monkeypatch.setattr(linear_logprob, "triton", cdiv)
    for positions in (1, 100, 4096, 100_000, 1 << 21):
        for vocabulary in (100, 512, 32_000, 129_280):
            columns = linear_logprob._columns.__wrapped__(positions, vocabulary)
            assert chunk.gradient_columns(positions, vocabulary) == columns


def test_speculation_without_a_guesser_is_refused_in_the_sampler_s_words() -> None:
    nano = shipped_model("nano-base")
    assert nano is not None
    for model in (nano, LLAMA):
        assert refusal({"sampling": {"speculative": True}}, model) == NO_GUESSER


@pytest.mark.parametrize("grown", [False, True])
@pytest.mark.parametrize("tokens", [84, 85])
def test_too_long_a_text_is_refused_in_the_trainer_s_words(tokens: int, grown: bool) -> None:
    held_out = SimpleNamespace(name="", prompts=[[0] * 9, [0] * 16])
    model = SimpleNamespace(config=SimpleNamespace(max_position_embeddings=100))
    growth = {"from_step": 9, "max_new_tokens": tokens}
    config = {"sampling": {"growth": growth} if grown else {"max_new_tokens": tokens}}
    sampling = settings(config).sampling
    if tokens == 84:
        setup.check_room(sampling, held_out, model)
        check_run(settings(config), LLAMA, "cpu", 16)
        return
    with pytest.raises(StartError) as said:
        setup.check_room(sampling, held_out, model)
    assert refusal(config, LLAMA) == str(said.value)
    check_run(settings(config), LLAMA, "cpu", None)  # nobody knows the prompt


def test_fp8_that_a_cpu_must_not_emulate_is_refused_in_the_trainer_s_words() -> None:
    hardware = {"dtype": "fp8", "require_native_fp8": True}
    with pytest.raises(StartError) as said:
        setup._check_fp8(settings({"hardware": hardware}).hardware, torch.device("cpu"))
    assert refusal({"hardware": hardware}, LLAMA) == str(said.value)
    check_run(settings({"hardware": {**hardware, "dtype": "bf16"}}), LLAMA, "cpu", 16)


def test_fp8_of_another_architecture_is_refused_in_the_model_s_words() -> None:
    llama = CausalLM.__new__(CausalLM)
    torch.nn.Module.__init__(llama)
    llama.network = type("LlamaForCausalLM", (torch.nn.Module,), {})()
    with pytest.raises(ModelConfigError) as said:
        policy.to_fp8(llama)
    assert refusal({"hardware": {"dtype": "fp8"}}, LLAMA) == str(said.value)


@pytest.mark.parametrize(
    "found",
    ["gptq", {}, {"quant_method": "gptq"}, {"quant_method": "fp8", "fmt": "e5m2"},
     {"quant_method": "fp8", "weight_block_size": None}],
)  # fmt: skip
def test_quantised_weights_are_refused_in_the_model_s_words(found: Any, tmp_path: Path) -> None:
    assert shape.FP8_FORMAT == fp8_checkpoint.QUANTIZATION_CONFIG
    config = SimpleNamespace(get_text_config=SimpleNamespace, quantization_config=found)
    for model_type, check, argument in (
        ("deepseek_v3", fp8_checkpoint.announced, {"quantization_config": found}),
        ("llama", _check_config, config),
    ):
        with pytest.raises(ModelConfigError) as said:
            check(argument)
        content = {"model_type": model_type, "quantization_config": found}
        (tmp_path / "config.json").write_text(json.dumps(content))
        with pytest.raises(UnknownShapeError) as refused:
            read_model(tmp_path)
        assert str(refused.value) == str(said.value)


def test_experts_that_cannot_be_shared_out_are_refused_in_the_trainer_s_words() -> None:
    nano = shipped_model("nano-base")
    assert nano is not None
    experts = nano.shape.n_routed_experts
    hardware = {"processes": 2 * experts, "expert_parallel": 2 * experts}
    config = {"hardware": hardware, "grpo": {"prompts_per_step": 2 * experts}}
    with pytest.raises(ExpertParallelError) as said:
        share_out(policy.load(shape.BASE_MODELS / "nano-base"), 2 * experts, rank=0)
    assert refusal(config, nano) == str(said.value)
    with pytest.raises(ExpertParallelError) as said:
        share_out(torch.nn.Linear(2, 2), 2, rank=0)
    assert refusal(config, LLAMA) == str(said.value)
