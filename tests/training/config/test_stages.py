"""Pipelines: what a stage leaves open, what it may begin with, where it stands."""

from typing import Any

import pytest

from training.config import ConfigError, RunConfig, resolve
from training.config.presets import merge

STAGES: dict[str, Any] = {
    "pipeline": ["zero", "data", "dev1", "preference", "final", "results"],
    "optim": {"learning_rate": 2e-4, "warmup_steps": 3},
    "stages": {
        "zero": {"type": "grpo", "grpo": {"steps": 10}},
        "data": {"type": "rejection_sampling", "steps": 4},
        "dev1": {"type": "sft", "start": "base", "data": ["data"], "steps": 7},
        "preference": {"type": "reward_model", "steps": 2, "optim": {"learning_rate": 1e-5}},
        "final": {
            "type": "grpo",
            "grpo": {"steps": 5},
            "reward": {"model": {"path": "stage:preference"}},
        },
        "results": {"type": "evaluate", "models": ["base", "zero", "final"]},
    },
}


def of(*changes: dict[str, Any]) -> RunConfig:
    tree = STAGES
    for change in changes:
        tree = merge(tree, change)
    return resolve(None, tree).config


def refused(*changes: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        of(*changes)
    (problem,) = caught.value.problems
    return problem.path, problem.message


def test_steps_count_on_over_all_stages() -> None:
    plan = of().plan
    assert [(each.name, each.before, each.last_step) for each in plan] == [
        ("zero", 0, 10), ("data", 10, 14), ("dev1", 14, 21), ("preference", 21, 23),
        ("final", 23, 28), ("results", 28, 31),
    ]  # fmt: skip
    assert of().total_steps == 31


def test_a_run_without_a_pipeline_is_one_stage_of_grpo() -> None:
    config = RunConfig()
    (planned,) = config.plan
    assert (planned.name, planned.kind, planned.last_step) == ("grpo", "grpo", config.grpo.steps)
    assert config.of_stage("grpo") is config


def test_what_a_stage_leaves_open_is_as_in_the_run() -> None:
    config = of()
    assert config.of_stage("zero").optim.learning_rate == 2e-4
    own = config.of_stage("preference").optim
    assert (own.learning_rate, own.warmup_steps) == (1e-5, 3)


def test_a_stage_s_table_of_another_type_takes_the_place_of_the_run_s_whole() -> None:
    dapo = {"grpo": {"steps": 10, "loss": {"type": "dapo"}}}
    config = of({"grpo": {"loss": {"clip_eps": 7.0}}}, {"stages": {"zero": dapo}})
    assert config.of_stage("zero").grpo.loss.type == "dapo"
    assert config.of_stage("final").grpo.loss.model_dump()["clip_eps"] == 7.0


def test_stages_draw_other_problems_than_one_another() -> None:
    config = of()
    seeds = {config.of_stage(name).seed for name in config.pipeline}
    assert len(seeds) == len(config.pipeline)


def test_a_frozen_config_says_all_and_is_read_back_as_it_was() -> None:
    resolved = resolve(None, STAGES)
    assert RunConfig.model_validate(resolved.as_json()) == resolved.config
    assert resolve(None, resolved.as_json()).digest == resolved.digest


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"pipeline": ["zero", "nothing"]}, "pipeline.1", "no stage “nothing”"),
        ({"pipeline": ["zero", "zero"]}, "pipeline.1", "comes twice"),
        ({"pipeline": ["dev1", "data"]}, "stages.dev1.data.0", "“data”"),
        ({"stages": {"final": {"start": "data"}}}, "stages.final.start", "trains a policy"),
        ({"stages": {"final": {"start": "results"}}}, "stages.final.start", "“results”"),
        (
            {"pipeline": ["final", "preference"]},
            "stages.final.reward.model.path",
            "reward_model",
        ),
        ({"stages": {"results": {"models": ["preference"]}}}, "stages.results.models.0", "zero"),
        ({"stages": {"base": {"type": "grpo"}}}, "stages.base", "cannot be called base"),
        (
            {"stages": {"zero": {"grpo": {"steps": 3, "steps_per_collection": 2}}}},
            "stages.zero.grpo.steps",
            "whole collections",
        ),
        (
            {"hardware": {"processes": 2}, "stages": {"data": {"prompts_per_step": 3}}},
            "stages.data.prompts_per_step",
            "3 prompts do not divide over 2 processes",
        ),
        (
            {
                "hardware": {"processes": 8},
                "stages": {
                    "data": {
                        "prompts_per_step": 2,
                        "completions_per_prompt": 6,
                    }
                },
            },
            "stages.data.completions_per_prompt",
            "the 4 processes that share a prompt",
        ),
        ({"stages": {"data": {"type": "chess"}}}, "stages.data.type", "chess"),
        ({"stages": {"data": {"prompts": 3}}}, "stages.data.prompts", "no field"),
    ],
)
def test_what_does_not_fit_names_the_field(change: dict[str, Any], path: str, words: str) -> None:
    found = refused(change)
    assert found[0] == path
    assert words in found[1]


def test_directories_that_a_pipeline_names_are_known_by_field() -> None:
    student = {"type": "distill", "student": "nano-dense", "data": ["data"]}
    config = of(
        {"pipeline": ["zero", "data", "student", "results"]},
        {"stages": {"student": student, "results": {"models": ["/models/a", "student", "base"]}}},
    )
    assert config.models_named == {
        "model.path": "nano-base",
        "stages.student.student": "nano-dense",
        "stages.results.models.0": "/models/a",
    }
