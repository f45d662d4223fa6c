"""What the server tells of a run's data, and of the parents of its checkpoints over runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1web.accounts.models import User
from r1web.runs.models import Checkpoint, Run, State
from tests.r1web.conftest import Api, caller
from tests.r1web.runs.pipeline import Told

pytestmark = pytest.mark.django_db
MakeRun = Callable[..., Run]

CARD = {
    "id": "d1", "role": "training", "field": "task", "name": "chain_sum", "source": "generator",
    "origin": "reasoning-gym chain_sum", "seed": 0,
}  # fmt: skip
SHIPPED = {"kind": "shipped", "path": "nano-base", "sha256": "0" * 64}


def answer(api: Api, run: Run) -> Any:
    found = api.get(f"/runs/{run.pk}/provenance")
    assert found.status_code == 200, found.content
    return json.loads(found.content)


def begin(told: Told, step: int, parent: dict[str, Any], **changes: Any) -> None:
    """An attempt tells of itself after `step`."""
    here = {
        "code": {"version": "0.1.0", "commit": "a" * 40, "dirty": changes.get("dirty", False)},
        "versions": {"torch": changes.get("torch", "2.8")},
        "devices": [{"node": "n1", "device": changes.get("device", "H100"), "count": 8}],
    }
    told.tell(
        "provenance", step, resumed=step > 0, datasets=[CARD],
        stretch={"stage": "grpo", "after_step": step, "digest": "d" * 64, "environment": here,
                 "datasets": ["d1"], "parent": parent},
        decontamination=changes.get("decontamination"),
    )  # fmt: skip


def save(told: Told, step: int) -> None:
    path = f"checkpoints/step-{step:06d}"
    told.tell("checkpoint", step, path=path, bytes=1000, reason="schedule")


def parent_of(runs_dir: Path, run: Run, step: int) -> dict[str, Any]:
    path = runs_dir / run.directory_name / f"checkpoints/step-{step:06d}"
    return {"kind": "checkpoint", "path": str(path), "sha256": "1" * 64}


def line(api: Api, run: Run, step: int) -> list[dict[str, Any]]:
    found = {each["step"]: each["line"] for each in answer(api, run)["checkpoints"]}
    made: list[dict[str, Any]] = found[step]
    return made


def test_a_run_that_has_told_nothing_has_nothing(api: Api, make_run: MakeRun) -> None:
    run = make_run(State.RUNNING)
    assert answer(api, run) == {"datasets": [], "decontamination": [], "checkpoints": []}


def test_two_attempts_on_other_hardware_both_show(
    api: Api, make_run: MakeRun, runs_dir: Path
) -> None:
    run = make_run(State.RUNNING)
    first = Told.of(run)
    begin(first, 0, SHIPPED)
    save(first, 10)
    again = Told.of(run, start_step=10, before=first)
    begin(again, 10, parent_of(runs_dir, run, 10), device="H20", torch="2.9")
    save(again, 20)
    newest, before, beginning = line(api, run, 20)
    assert (newest["first_step"], newest["last_step"]) == (11, 20)
    assert newest["changed"] == ["devices", "torch"]
    assert newest["notes"] == [
        "Made on other hardware than what it begins with: before, 8 × H100.",
        "Other versions than what it begins with: torch 2.8 → 2.9.",
    ]
    assert (before["first_step"], before["last_step"], before["changed"]) == (1, 10, [])
    assert (beginning["kind"], beginning["path"]) == ("beginning", "nano-base")
    assert [each["path"] for each in line(api, run, 10)] == ["checkpoints/step-000010", "nano-base"]


def test_changes_that_no_commit_holds_are_marked(api: Api, make_run: MakeRun) -> None:
    told = Told.of(make_run(State.RUNNING))
    begin(told, 0, SHIPPED, dirty=True)
    save(told, 5)
    (work, _) = line(api, told.run, 5)
    assert work["notes"] == ["Its code had changes that no commit holds."]


def test_the_line_goes_on_in_the_run_it_was_started_from(
    api: Api, make_run: MakeRun, runs_dir: Path
) -> None:
    parent, child = make_run(State.FINISHED, name="first"), make_run(State.RUNNING, name="second")
    told = Told.of(parent)
    begin(told, 0, SHIPPED)
    save(told, 10)
    told = Told.of(child)
    begin(told, 0, parent_of(runs_dir, parent, 10))
    save(told, 3)
    runs = [each["run"] and each["run"]["name"] for each in line(api, child, 3)]
    assert runs == ["second", "first", None]


def test_of_a_run_that_one_may_not_see_neither_name_nor_path_is_told(
    api: Api, stranger: User, make_run: MakeRun, runs_dir: Path
) -> None:
    hidden, child = make_run(State.FINISHED, name="hidden"), make_run(State.RUNNING)
    told = Told.of(hidden)
    begin(told, 0, SHIPPED)
    save(told, 10)
    told = Told.of(child)
    begin(told, 0, parent_of(runs_dir, hidden, 10))
    save(told, 3)
    Run.objects.filter(pk=hidden.pk).update(deleted_at=told.attempt.claimed_at)
    _, beginning = line(api, child, 3)
    assert (beginning["said"], beginning["path"]) == ("Of a run that you may not see.", "")
    assert caller(stranger).get(f"/runs/{child.pk}/provenance").status_code == 404


def test_a_checkpoint_of_before_says_so(api: Api, make_run: MakeRun) -> None:
    told = Told.of(make_run(State.RUNNING))
    save(told, 5)
    (only,) = line(api, told.run, 5)
    assert only["said"] == "It was made before r1web told how."
    Checkpoint.objects.update(deleted_at=told.attempt.claimed_at)
    assert answer(api, told.run)["checkpoints"] == []


def test_cards_and_what_was_left_out_are_told_once(api: Api, make_run: MakeRun) -> None:
    run = make_run(State.RUNNING)
    found = {
        "ngram": 10, "problems": 50, "left_out": 1,
        "examples": [{"problem": "a.jsonl, line 3", "like": "b.jsonl, line 1", "words": "x y"}],
    }  # fmt: skip
    first = Told.of(run)
    begin(first, 0, SHIPPED, decontamination={**found, "left_out": 7})
    begin(Told.of(run, before=first), 0, SHIPPED, decontamination=found)
    told = answer(api, run)
    assert [(each["card"]["name"], each["stages"]) for each in told["datasets"]] == [
        ("chain_sum", ["grpo"])
    ]
    assert told["decontamination"] == [{"stage": "grpo", "found": found}]
