"""Trying a config: what it comes to, and what is wrong with it, whatever one sends."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from r1web.accounts.models import User
from r1web.cluster.models import Device, Node
from r1web.runs.models import Checkpoint, Run
from r1web.runs.selectors import run_directory
from tests.r1web.conftest import Api, caller
from training.config import RunConfig, preset_names
from training.config.presets import PRESETS_DIR

GB = 10**9

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
sections = sorted(RunConfig.model_fields)
FIELDS = {
    (section, name)
    for section, field in RunConfig.model_fields.items()
    if hasattr(field.annotation, "model_fields")
    for name in field.annotation.model_fields
}
configs = st.dictionaries(
    st.sampled_from(sections),
    json_values
    | st.dictionaries(
        st.sampled_from(sorted({name for _, name in FIELDS})), json_values, max_size=3
    ),
    max_size=3,
)


def try_out(api: Api, config: Any, **more: Any) -> dict[str, Any]:
    answer = api.post("/configs/validate", {"preset": "r1-zero-nano", "config": config} | more)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_a_good_config_comes_resolved_with_its_arithmetic(api: Api) -> None:
    config = {
        "grpo": {"prompts_per_step": 6, "group_size": 10, "steps": 100},
        "hardware": {"processes": 2, "chunk_tokens": 512},
        "sampling": {"max_new_tokens": 50},
        "evaluation": {"every_steps": 30},
        "checkpoint": {"every_steps": 40},
    }
    tried = try_out(api, config)
    assert tried["valid"]
    assert tried["overrides"]["grpo.group_size"] == 10
    assert tried["config"]["grpo"]["steps"] == 100
    assert len(tried["digest"]) == 64
    assert tried["arithmetic"] == {
        "completions_per_step": 60,
        "prompts_per_process": 3,
        "completions_per_process": 30,
        "longest_completion": 50,
        "max_tokens_per_step": 3000,
        "steps": 100,
        "total_completions": 6000,
        "evaluations": 5,  # before the first step, after 30, 60, 90 and the last
        "checkpoints": 3,
        "stages": [
            {
                "name": "grpo",
                "kind": "grpo",
                "steps": 100,
                "completions_per_step": 60,
                "total_completions": 6000,
                "evaluations": 5,
            }
        ],
    }


def test_a_process_has_its_share_of_a_prompt_that_several_write(api: Api) -> None:
    config = {"grpo": {"prompts_per_step": 2, "group_size": 8}, "hardware": {"processes": 8}}
    sums = try_out(api, config)["arithmetic"]
    assert (sums["prompts_per_process"], sums["completions_per_process"]) == (1, 2)


def test_a_field_that_was_left_empty_is_asked_for(api: Api) -> None:
    growth = {"from_step": None, "max_new_tokens": 128}
    (problem,) = try_out(api, {"sampling": {"growth": growth}})["problems"]
    assert problem["path"] == "sampling.growth.from_step"
    assert problem["message"] == "It has no value yet: give it one."


def test_the_most_tokens_of_a_step_count_growth_replaced_groups_and_what_is_begun_ahead(
    api: Api,
) -> None:
    config = {
        "grpo": {"prompts_per_step": 2, "group_size": 4, "dynamic_sampling": {"max_rounds": 3}},
        "sampling": {
            "max_new_tokens": 50,
            "growth": {"from_step": 9, "max_new_tokens": 80},
            "carry_over": 0.5,
        },
    }
    sums = try_out(api, config)["arithmetic"]
    assert (sums["longest_completion"], sums["completions_per_step"]) == (80, 8)
    assert sums["max_tokens_per_step"] == 80 * 8 * 3 * 1.5


def test_what_is_tried_and_what_is_started_are_the_same(api: Api) -> None:
    config = {"seed": 5, "task": {"options": {"max_terms": 3}}}
    tried = try_out(api, config)
    started = api.post("/runs", {"preset": "r1-zero-nano", "config": config}).json()
    assert started["digest"] == tried["digest"]
    assert started["config"] == tried["config"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"grpo": {"group_sise": 4}}, "grpo.group_sise"),
        ({"hardware": {"processes": 3}}, "grpo.prompts_per_step"),
        ({"model": {"path": "/etc/passwd"}}, "model.path"),
        ({"model": {"path": "nano\0base"}}, "config"),
    ],
)
def test_a_bad_config_names_the_field(api: Api, config: dict[str, Any], path: str) -> None:
    tried = try_out(api, config)
    assert not tried["valid"]
    assert tried["config"] is tried["arithmetic"] is tried["memory"] is None
    assert [problem["path"] for problem in tried["problems"]] == [path]
    assert tried["problems"][0]["message"].endswith(".")


@pytest.fixture
def node(owner: User) -> Node:
    """Two CPU slots and a larger machine's one."""
    found = Node.objects.create(name="a", queue="node.a")
    Device.objects.bulk_create(
        Device(node=found, kind="cpu", index=index, memory_bytes=size)
        for index, size in enumerate((8 * GB, 8 * GB, 64 * GB))
    )
    return found


def test_the_memory_is_told_before_the_run_starts(api: Api, node: Node) -> None:
    memory = try_out(api, {})["memory"]
    assert (memory["device"], memory["device_bytes"]) == ("cpu", 8 * GB)
    assert (
        memory["phases"][0]["bytes"]
        == memory["peak_bytes"]
        == sum(memory["phases"][0]["parts"].values())
    )
    assert {"weights", "gradients", "optimiser", "activations", "latent_cache", "logits"} <= set(
        memory["parts"]
    )
    assert memory["fits"]
    assert memory["largest_chunk_tokens"] == 8320


def test_a_device_can_be_named_and_its_processes_share_it(api: Api, node: Node) -> None:
    small = try_out(api, {}, device_memory_bytes=GB // 4)["memory"]
    assert (small["device_bytes"], small["fits"]) == (GB // 4, False)
    assert 0 < small["largest_chunk_tokens"] < 8320
    assert try_out(api, {"hardware": {"processes": 2}})["memory"]["device_bytes"] == 4 * GB


def test_gpus_are_taken_where_there_are_some(api: Api, node: Node) -> None:
    Device.objects.create(node=node, kind="gpu", index=0, memory_bytes=80 * GB)
    memory = try_out(api, {})["memory"]
    assert (memory["device"], memory["device_bytes"]) == ("cuda", 80 * GB)
    on_cpu = try_out(api, {"hardware": {"device": "cpu"}})["memory"]
    assert on_cpu["device"] == "cpu"


def test_without_a_node_nothing_is_said_of_what_fits(api: Api) -> None:
    memory = try_out(api, {})["memory"]
    assert memory["device_bytes"] is memory["fits"] is memory["largest_chunk_tokens"] is None


def test_a_directory_on_the_server_is_not_read(owner: User, tmp_path: Path) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    shutil.copytree(PRESETS_DIR.parents[1] / "base" / "nano-base", tmp_path / "model")
    api = caller(User.objects.get(pk=owner.pk))
    answers = [
        try_out(api, {"model": {"path": str(path)}})
        for path in (tmp_path / "model", tmp_path / "nothing")
    ]
    for tried in answers:
        assert tried["valid"]
        assert tried["memory"] is None
        assert tried["memory_note"].startswith("The model's shape is known only on the node")


def test_a_checkpoint_of_a_run_is_estimated_by_its_own_shape(
    api: Api, make_run: Callable[..., Run], make_checkpoint: Callable[..., Checkpoint]
) -> None:
    checkpoint = make_checkpoint(make_run())
    assert try_out(api, {}, checkpoint=checkpoint.pk)["memory_note"]
    weights = run_directory(checkpoint.run) / checkpoint.path / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    base = PRESETS_DIR.parents[1] / "base" / "nano-base"
    shutil.copy(base / "config.json", weights)
    assert try_out(api, {}, checkpoint=checkpoint.pk)["memory"]["parameters"] == 2_812_864


def test_a_preset_or_checkpoint_that_is_not_there_is_named(api: Api) -> None:
    assert try_out(api, {}, preset="nothing")["problems"][0]["path"] == "preset"
    assert try_out(api, {}, checkpoint=4711)["problems"][0]["path"] == "checkpoint"


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(config=configs)
def test_whatever_is_sent_is_resolved_or_refused_at_a_field(
    owner: User, config: dict[str, Any]
) -> None:
    with transaction.atomic():
        api = caller(owner)
        tried = try_out(api, config)
        answer = api.post("/runs", {"preset": "r1-zero-nano", "config": config})
        if tried["valid"]:
            assert answer.status_code == 201
            assert answer.json()["digest"] == tried["digest"]
            assert (
                RunConfig.model_validate(tried["config"]).model_dump(mode="json") == tried["config"]
            )
        else:
            assert answer.status_code in {403, 422}
            assert [e["path"] for e in answer.json()["errors"]] == [
                problem["path"] for problem in tried["problems"]
            ]
            assert all(problem["message"] for problem in tried["problems"])
            assert not Run.objects.exists()
        transaction.set_rollback(True)


def test_every_preset_is_listed_as_it_would_run(api: Api, owner: User) -> None:
    # Some start from a model that only staff may name.
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    presets = api.get("/presets").json()["items"]
    assert [preset["name"] for preset in presets] == preset_names()
    for preset in presets:
        assert preset["description"].endswith(".")
        assert RunConfig.model_validate(preset["config"])
        assert try_out(api, {}, preset=preset["name"])["config"] == preset["config"]


def test_the_schema_describes_the_presets(api: Api) -> None:
    schema = api.get("/config-schema").json()
    Draft202012Validator.check_schema(schema)
    for preset in api.get("/presets").json()["items"]:
        Draft202012Validator(schema).validate(preset["config"])
    assert "completions" in json.dumps(schema)


@pytest.mark.parametrize("path", ["/configs/validate", "/runs"])
def test_what_the_model_cannot_do_is_refused_at_its_field(api: Api, path: str) -> None:
    config = {"sampling": {"speculative": True}}
    body = api.post(path, {"preset": "r1-zero-nano", "config": config}).json()
    (problem,) = body.get("problems") or body["errors"]
    assert problem["path"] == "sampling.speculative"
    assert "no multi-token prediction layer" in problem["message"]
    assert not Run.objects.exists()


def test_a_cpu_that_is_asked_for_has_no_native_fp8(api: Api) -> None:
    hardware = {"dtype": "fp8", "require_native_fp8": True}
    assert try_out(api, {"hardware": hardware})["valid"]
    (problem,) = try_out(api, {"hardware": hardware | {"device": "cpu"}})["problems"]
    assert problem["path"] == "hardware.require_native_fp8"
