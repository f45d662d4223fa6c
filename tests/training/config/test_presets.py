"""Presets and the schema, as everybody relies on them."""

import pytest
from pydantic import ValidationError

from training.config import (
    ConfigError,
    PretrainConfig,
    RunConfig,
    VllmSampler,
    json_schema,
    preset_names,
    resolve,
)
from training.config.presets import PRETRAIN_PRESETS, flatten, merge, pretrain_config


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_run(name: str) -> None:
    resolved = resolve(name, {})
    assert resolved.overrides == {}
    assert RunConfig.model_validate(resolved.as_json()) == resolved.config


@pytest.mark.parametrize("name", sorted(PRETRAIN_PRESETS))
def test_every_pretraining_preset_is_valid(name: str) -> None:
    assert pretrain_config(name).steps > 0


def test_the_fields_of_a_run_are_these() -> None:
    # A new knob is a decision: whoever adds one writes it down here too.
    assert list(flatten(RunConfig().model_dump())) == [
        "seed", "pipeline",
        "model.path",
        "task.type", "task.template", "task.system_prompt", "task.name", "task.level",
        "task.curriculum",
        "reward.accuracy", "reward.format", "reward.tag_count",
        "reward.language.weight", "reward.language.target",
        "reward.length.weight", "reward.length.right_short", "reward.length.right_long",
        "reward.length.wrong_short", "reward.length.wrong_long",
        "reward.repetition.weight", "reward.repetition.ngram",
        "reward.overlong.weight", "reward.overlong.buffer_tokens",
        "reward.custom", "reward.model", "reward.judge", "reward.workers", "reward.timeout_s",
        "grpo.steps", "grpo.prompts_per_step", "grpo.group_size", "grpo.steps_per_collection",
        "grpo.loss.type", "grpo.loss.clip_eps", "grpo.loss.aggregation",
        "grpo.loss.advantage_scale", "grpo.correction", "grpo.dynamic_sampling",
        "grpo.mask_truncated",
        "grpo.kl_coef", "grpo.ref_refresh_steps",
        "sampling.engine.type", "sampling.engine.max_sequences", "sampling.speculative",
        "sampling.staleness", "sampling.carry_over", "sampling.max_new_tokens", "sampling.growth",
        "sampling.min_new_tokens", "sampling.stop",
        "sampling.routing_replay",
        "sampling.temperature", "sampling.top_p",
        "optim.learning_rate", "optim.warmup_steps", "optim.beta1", "optim.beta2",
        "optim.weight_decay", "optim.grad_clip", "optim.expert_bias_rate", "optim.balance_loss",
        "optim.mtp_weight", "optim.moment_dtype",
        "evaluation.every_steps", "evaluation.problems", "evaluation.completions_per_problem",
        "evaluation.k", "evaluation.temperature", "evaluation.top_p", "evaluation.sets",
        "evaluation.decontaminate", "evaluation.safety",
        "rollouts.token_detail", "rollouts.detailed_groups",
        "checkpoint.every_steps", "checkpoint.keep_last", "checkpoint.keep_best",
        "checkpoint.keep_every_steps",
        "resume.times", "resume.delay_s",
        "hardware.processes", "hardware.nodes", "hardware.device", "hardware.dtype",
        "hardware.require_native_fp8", "hardware.gpu_model", "hardware.gpu_memory_gb",
            "hardware.node_labels", "hardware.zero_stage", "hardware.expert_parallel",
        "hardware.chunk_tokens", "hardware.join_s", "hardware.watchdog_s",
    ]  # fmt: skip


def test_the_fields_of_the_vllm_engine_are_these() -> None:
    assert list(VllmSampler.model_fields) == [
        "type", "python", "addresses", "token_env", "kv_cache_gib", "max_sequences",
    ]  # fmt: skip


@pytest.mark.parametrize("address", ["node", "node:", "http://node:80", "a b:1", "::1:80"])
def test_an_address_is_host_and_port(address: str) -> None:
    with pytest.raises(ValidationError):
        VllmSampler(addresses=[address])


def test_the_fields_of_pretraining_are_these() -> None:
    assert set(PretrainConfig.model_fields) == {
        "seed", "model", "dense", "steps", "documents_per_step", "learning_rate", "warmup_steps",
        "weight_decay", "expert_bias_rate", "balance_loss", "mtp_weight", "moment_dtype", "dtype",
        "careful_share",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"grpo": {"group_size": 1}}, "grpo.group_size"),
        ({"grpo": {"learning_rate": 1}}, "grpo.learning_rate"),
        ({"task": {"name": "sudokus"}}, "task.name"),
        ({"task": {"type": "chess"}}, "task.type"),
        ({"task": {"type": "mixture", "parts": []}}, "task.parts"),
        ({"task": {"system_prompt": "Be brief."}}, "task"),
        ({"hardware": {"processes": 3}}, "grpo.prompts_per_step"),
        ({"hardware": {"processes": 12}}, "grpo.prompts_per_step"),
        ({"hardware": {"processes": 24}}, "grpo.group_size"),
        (
            {"hardware": {"processes": 16}, "grpo": {"dynamic_sampling": {"max_rounds": 2}}},
            "grpo.dynamic_sampling",
        ),
        ({"hardware": {"processes": 16}, "sampling": {"carry_over": 0.5}}, "sampling.carry_over"),
        ({"hardware": {"processes": 4, "nodes": 3}}, "hardware.nodes"),
        ({"hardware": {"processes": 2, "expert_parallel": 3}}, "hardware.expert_parallel"),
        (
            {"hardware": {"processes": 2, "expert_parallel": 2, "zero_stage": 3}},
            "hardware.zero_stage",
        ),
        ({"reward": {"accuracy": 0, "format": 0}}, "reward.accuracy"),
        ({"reward": {"overlong": {"weight": 1}}}, "reward.overlong.buffer_tokens"),
        ({"reward": {"language": {"target": "xx"}}}, "reward.language.target"),
        ({"reward": {"custom": {"path": "x.py", "weights": {"mean": 1}}}}, "reward.custom.weights"),
        ({"grpo": {"steps": 10, "steps_per_collection": 3}}, "grpo.steps"),
        ({"optim": {"learning_rate": float("nan")}}, "optim.learning_rate"),
        ({"sampling": {"temperature": 0}}, "sampling.temperature"),
        ({"sampling": {"engine": {"type": "vllm"}, "speculative": True}}, "sampling.speculative"),
        ({"sampling": {"engine": {"type": "vllm"}, "carry_over": 0.5}}, "sampling.carry_over"),
        (
            {"sampling": {"engine": {"type": "vllm"}, "routing_replay": True}},
            "sampling.routing_replay",
        ),
        ({"sampling": {"min_new_tokens": 65}}, "sampling.min_new_tokens"),
        ({"sampling": {"stop": [""]}}, "sampling.stop.0"),
        (
            {"sampling": {"engine": {"type": "vllm", "addresses": ["a:1", "b:1"]}}},
            "sampling.engine.addresses",
        ),
        ({"optim": {"moment_dtype": "bf16", "beta2": 0.999}}, "optim.beta2"),
        (
            {"sampling": {"growth": {"from_step": 5, "max_new_tokens": 64}}},
            "sampling.growth.max_new_tokens",
        ),
        ({"grpo": {"loss": {"type": "ppo"}}}, "grpo.loss.type"),
        ({"grpo": {"loss": {"type": "dapo", "clip_eps": 0.2}}}, "grpo.loss.clip_eps"),
        ({"grpo": {"loss": {"type": "dapo", "clip_eps_low": 0}}}, "grpo.loss.clip_eps_low"),
        ({"grpo": {"correction": {"min": 0.5}}}, "grpo.correction.min"),
        ({"grpo": {"correction": {"mode": "mask", "min": 3}}}, "grpo.correction.min"),
    ],
)
def test_a_mistake_is_laid_at_its_field(overrides: dict[str, object], path: str) -> None:
    with pytest.raises(ConfigError) as error:
        resolve("r1-zero-nano", overrides)
    assert [problem.path for problem in error.value.problems] == [path]
    assert error.value.problems[0].message.endswith(".")


def test_processes_that_would_share_a_prompt_unevenly_are_told_what_to_take() -> None:
    def message(processes: int, **grpo: object) -> str:
        with pytest.raises(ConfigError) as error:
            resolve("r1-zero-nano", {"hardware": {"processes": processes}, "grpo": grpo})
        return error.value.problems[0].message

    assert message(12) == (
        "8 prompts do not divide over 12 processes: take a multiple or a divisor of 12."
    )
    assert message(24) == (
        "16 completions do not divide over the 3 processes that share a prompt: take a multiple of "
        "3, or fewer hardware.processes."
    )
    assert message(16, dynamic_sampling={}) == (
        "2 processes share a prompt, and none knows the others' rewards while it samples: set this "
        "to null, or hardware.processes to at most 8."
    )
    for processes in (2, 8, 16, 32, 128):
        resolve("r1-zero-nano", {"hardware": {"processes": processes}})


def test_a_table_of_another_type_replaces_the_one_below() -> None:
    below = {"grpo": {"loss": {"type": "grpo", "clip_eps": 5.0}, "steps": 3}}
    assert merge(below, {"grpo": {"loss": {"type": "dapo"}}}) == {
        "grpo": {"loss": {"type": "dapo"}, "steps": 3}
    }
    assert merge(below, {"grpo": {"loss": {"aggregation": "token"}}})["grpo"]["loss"] == {
        "type": "grpo", "clip_eps": 5.0, "aggregation": "token",
    }  # fmt: skip


def test_of_many_choices_the_closest_are_named() -> None:
    with pytest.raises(ConfigError, match="not one of its 105 choices; closest are sudoku"):
        resolve(None, {"task": {"name": "sudokus"}})


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        resolve(None, {"grpo": {"steps": 0, "kl_coef": -1}, "seed": -1})
    assert {problem.path for problem in error.value.problems} == {
        "grpo.steps", "grpo.kl_coef", "seed",
    }  # fmt: skip


def test_a_config_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        RunConfig().seed = 3  # type: ignore[misc]


def test_the_digest_follows_the_content() -> None:
    assert resolve("r1-zero-nano", {}).digest == resolve("r1-zero-nano", {"seed": 0}).digest
    assert resolve("r1-zero-nano", {}).digest != resolve("r1-zero-nano", {"seed": 1}).digest


def test_the_schema_tells_units_and_help() -> None:
    fields = json_schema()["$defs"]["GrpoConfig"]["properties"]
    assert fields["group_size"]["unit"] == "completions"
    assert "advantage" in fields["group_size"]["description"]
