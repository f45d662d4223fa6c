"""Safety as part of a run: real training processes, a step each."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.jobs import events, train, write_config
from training.base_models import find_model
from training.config import resolve
from training.events import EvaluationEvent
from training.safety.prompts import BUILT_IN


@pytest.fixture
def few(tmp_path: Path) -> str:
    """A set of one sub-category."""
    file = tmp_path / "few.jsonl"
    lines = BUILT_IN.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(lines[:8]) + "\n", encoding="utf-8")
    return str(file)


def overrides(**safety: Any) -> dict[str, Any]:
    return {
        "grpo": {"steps": 1, "prompts_per_step": 2, "group_size": 2},
        "sampling": {"max_new_tokens": 8},
        "evaluation": {"problems": 2, "every_steps": 1, "safety": safety},
        "reward": {"workers": 1},
    }


def evaluations(run_dir: Path) -> list[EvaluationEvent]:
    return [event for event in events(run_dir) if isinstance(event, EvaluationEvent)]


def report_of(run_dir: Path, step: int) -> dict[str, Any]:
    path = run_dir / "safety" / f"step-{step:06d}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_last_evaluation_of_a_run_tells_it(tmp_path: Path, few: str) -> None:
    run_dir = tmp_path / "run"
    write_config(run_dir, resolve("r1-zero-nano", overrides(set=few)).config)
    ended = train(run_dir)
    assert ended.returncode == 0, ended.stderr
    before, after = evaluations(run_dir)
    assert not any(name.startswith("eval/safety/") for name in before.values)
    found = report_of(run_dir, 1)
    assert after.values["eval/safety/crime/bare"] == found["safety"]["bare"]["share"]
    assert (found["step"], found["model"], len(found["items"])) == (1, None, 8)
    assert "eval/pass_at_1" in after.values


def test_a_stage_that_evaluates_tells_it_of_each_model(tmp_path: Path, few: str) -> None:
    run_dir, again = tmp_path / "run", str(find_model("nano-base"))
    own = {
        "pipeline": ["measure"],
        "stages": {"measure": {"type": "evaluate", "models": ["base", again]}},
    }
    write_config(run_dir, resolve("r1-zero-nano", {**overrides(set=few), **own}).config)
    ended = train(run_dir)
    assert ended.returncode == 0, ended.stderr
    told = evaluations(run_dir)
    assert [(one.step, one.model) for one in told] == [(1, "base"), (2, again)]
    for one in told:
        found = report_of(run_dir, one.step)
        assert (found["step"], found["model"], len(found["items"])) == (one.step, one.model, 8)
        assert one.values["eval/safety/bare"] == found["safety"]["bare"]["share"]


@pytest.mark.parametrize(
    ("safety", "said"),
    [
        ({"set": "/nowhere.jsonl"}, "evaluation.safety.set: /nowhere.jsonl cannot be read"),
        (
            {"judge": {"type": "endpoint", "url": "http://a/v1", "model": "m",
                       "key_variable": "NO_SUCH_KEY"}},
            "evaluation.safety.judge.key_variable: the environment variable NO_SUCH_KEY is not set",
        ),
        (
            {"judge": {"type": "model", "path": "/nowhere"}},
            "evaluation.safety.judge.path: “/nowhere” is neither",
        ),
    ],
)  # fmt: skip
def test_what_a_person_can_mend_is_told_before_the_first_step(
    tmp_path: Path, safety: dict[str, Any], said: str
) -> None:
    run_dir = tmp_path / "run"
    write_config(run_dir, resolve("r1-zero-nano", overrides(**safety)).config)
    ended = train(run_dir)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert not evaluations(run_dir)
