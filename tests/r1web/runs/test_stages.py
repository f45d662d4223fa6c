"""What the server tells of a run's stages, and how one is taken again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from r1web.accounts.models import User
from r1web.alerts.models import Alert, Rule, RuleKind
from r1web.runs.models import Checkpoint, Run, State
from tests.r1web.conftest import Api, caller
from tests.r1web.points import points_of
from tests.r1web.runs.pipeline import PIPELINE, Told

pytestmark = pytest.mark.django_db
MakeRun = Callable[..., Run]


@pytest.fixture
def run(make_run: MakeRun, runs_dir: Path) -> Run:
    return make_run(State.RUNNING, name="r1", overrides=PIPELINE)


def body(answer: HttpResponse, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return json.loads(answer.content)


def stages(api: Api, run: Run) -> dict[str, Any]:
    return {stage["name"]: stage for stage in body(api.get(f"/runs/{run.pk}/stages"))["stages"]}


def results(api: Api, run: Run) -> Any:
    (table,) = body(api.get(f"/runs/{run.pk}/stages"))["results"]
    return table


def told_upto(run: Run, *names: str) -> Told:
    told = Told.of(run)
    for name in names:
        told.do(name)
    return told


def test_a_plain_run_is_one_stage(api: Api, make_run: MakeRun) -> None:
    run = make_run(State.RUNNING)
    answer = body(api.get(f"/runs/{run.pk}/stages"))
    (stage,) = answer["stages"]
    assert (answer["is_pipeline"], answer["results"]) == (False, [])
    assert (stage["name"], stage["kind"], stage["first_step"]) == ("grpo", "grpo", 1)
    assert (stage["state"], stage["last_step"]) == ("running", run.total_steps)


def test_each_stage_has_its_place_and_state(api: Api, run: Run) -> None:
    told = told_upto(run, "zero")
    told.turn("cold", "began")
    told.tell("metrics", 5, "cold", values={})
    found = stages(api, run)
    assert [(one["first_step"], one["last_step"], one["done"]) for one in found.values()] == [
        (1, 4, 4), (5, 6, 1), (7, 9, 0), (10, 11, 0), (12, 15, 0), (16, 18, 0),
    ]  # fmt: skip
    states = [one["state"] for one in found.values()]
    assert states == ["finished", "running", *["waiting"] * 4]
    assert found["zero"]["checkpoint"]["path"] == "checkpoints/step-000004"
    assert found["zero"]["score"] == pytest.approx(
        {"value": 0.2, "low": 0.1, "high": 0.3, "step": 4, "problems": 8}
    )
    assert (found["zero"]["seconds"], found["cold"]["seconds"]) == (7.0, 1.0)
    assert found["cold"]["score"] is None


@pytest.mark.parametrize("ended", [State.FAILED, State.STOPPED])
def test_the_stage_in_which_a_run_ended_says_so(api: Api, run: Run, ended: State) -> None:
    told_upto(run, "zero").turn("cold", "began")
    Run.objects.filter(pk=run.pk).update(state=ended)
    found = stages(api, run)
    assert [found[name]["state"] for name in ("zero", "cold", "dev1")] == [
        "finished", ended.value, "waiting",
    ]  # fmt: skip


def test_inputs_are_told_by_the_config_until_the_stage_tells_them(api: Api, run: Run) -> None:
    found = stages(api, run)
    assert [(one["role"], one["stage"]) for one in found["dev1"]["inputs"]] == [
        ("weights", None), ("data", "cold"),
    ]  # fmt: skip
    assert [(one["role"], one["stage"]) for one in found["final"]["inputs"]] == [
        ("weights", "dev1"), ("reward_model", "preference"),
    ]  # fmt: skip
    assert found["dev1"]["waits_for"] == ["cold"]
    told = told_upto(run, "zero", "cold")
    data = {"role": "data", "stage": "cold", "path": "datasets/cold.jsonl", "rows": 7}
    told.turn("dev1", "began", inputs=[data])
    dev1 = stages(api, run)["dev1"]
    assert (dev1["inputs"], dev1["waits_for"]) == ([data], [])


def test_what_was_done_again_is_told_as_the_last_attempt_did_it(api: Api, run: Run) -> None:
    first = told_upto(run, "zero", "cold")
    again = Told.of(run, start_step=4, before=first)
    again.turn("cold", "began")
    found = stages(api, run)
    assert (found["zero"]["state"], found["cold"]["state"]) == ("finished", "running")
    assert found["cold"]["outputs"] == []


def test_the_results_are_models_by_evaluations(api: Api, run: Run) -> None:
    empty = results(api, run)
    assert (empty["columns"], [row["model"] for row in empty["rows"]]) == (
        [], ["base", "zero", "final"],
    )  # fmt: skip
    told = Told.of(run)
    told.score(16, "results", 0.25, "base")
    told.score(17, "results", 0.5, "zero")
    table = results(api, run)
    assert [(one["set"], one["measure"]) for one in table["columns"]] == [
        ("", "pass_at_1"), ("sums", "pass_at_1"),
    ]  # fmt: skip
    score = {"value": 0.25, "low": 0.15, "high": 0.35}
    assert table["rows"][0]["scores"] == [pytest.approx(score)] * 2
    assert (table["rows"][2]["problems"], table["rows"][2]["scores"]) == (None, [None, None])


def test_scores_of_several_models_are_no_points_of_the_policy(run: Run) -> None:
    rule = Rule.objects.create(
        project=run.project, run=run, name="low", kind=RuleKind.THRESHOLD,
        metric="eval/pass_at_1", direction="below", limit=0.3, points=1,
    )  # fmt: skip
    told = Told.of(run)
    told.score(15, "final", 0.75)
    told.score(16, "results", 0.25, "base")
    run.refresh_from_db()
    assert points_of(run, "eval/pass_at_1") == [(15, 0.75)]
    assert (run.summary["eval/pass_at_1"], run.last_step) == (0.75, 16)
    assert not Alert.objects.filter(rule=rule).exists()


def test_a_long_pipeline_takes_no_more_queries(api: Api, run: Run) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            stages(api, run)
        return len(seen)

    told = told_upto(run, "zero")
    queries()  # notes the use of the token, once a minute
    few = queries()
    for name in ("cold", "dev1", "preference", "final"):
        told.do(name)
    assert queries() == few <= 12


@pytest.mark.parametrize(
    "place",
    [
        ("task", {"type": "file", "path": "PATH"}),
        ("task", {"type": "mixture", "parts": [{"task": {"type": "code", "path": "PATH"}}]}),
        ("reward", {"model": {"path": "PATH"}}),
        ("evaluation", {"safety": {"judge": {"type": "model", "path": "PATH"}}}),
        ("evaluation", {"safety": {"set": "PATH"}}),
    ],
)
def test_no_field_leads_into_a_run_that_one_may_not_see(
    stranger: User, run: Run, runs_dir: Path, place: tuple[str, Any]
) -> None:
    table, tree = place
    for name in (f"{run.directory_name}/x", f"other/../{run.directory_name}/x"):
        told = json.dumps(tree).replace("PATH", f"{runs_dir}/{name}")
        asked = {"preset": "r1-zero-nano", "config": {table: json.loads(told)}}
        refused = body(caller(stranger).post("/runs", asked), 403)
        assert "run that you may not see" in refused["detail"]
        assert refused["errors"][0]["path"].startswith(table)


def test_who_may_not_see_the_run_sees_no_stages(stranger: User, run: Run) -> None:
    body(caller(stranger).get(f"/runs/{run.pk}/stages"), 404)


def test_one_stage_is_repeated_from_what_stages_before_it_left(
    member: User, run: Run, runs_dir: Path
) -> None:
    told_upto(run, "zero", "cold", "dev1", "preference", "final")
    api, home = caller(member), runs_dir / run.directory_name
    asked = {"name": "again", "config": {"stages": {"final": {"grpo": {"steps": 8}}}}}
    again = body(api.post(f"/runs/{run.pk}/stages/final/repeat", asked), 201)
    assert (again["name"], again["total_steps"]) == ("again", 8)
    assert again["parent"] == {"id": run.pk, "name": "r1", "step": 11}
    final = again["config"]["stages"]["final"]
    assert again["config"]["pipeline"] == ["final"]
    assert final["start"] == str(home / "checkpoints/step-000009")
    assert final["reward"]["model"]["path"] == str(home / "checkpoints/step-000011/weights")


def test_stages_are_repeated_to_the_end(api: Api, run: Run, runs_dir: Path) -> None:
    told_upto(run, "zero", "cold")
    home = runs_dir / run.directory_name
    again = body(api.post(f"/runs/{run.pk}/stages/dev1/repeat", {"to_end": True}), 201)["config"]
    assert again["pipeline"] == ["dev1", "preference", "final", "results"]
    assert again["stages"]["dev1"]["start"] == "base"
    assert again["stages"]["dev1"]["data"] == [str(home / "datasets/cold.jsonl")]
    assert again["stages"]["final"]["start"] == "previous"
    assert again["stages"]["final"]["reward"]["model"]["path"] == "stage:preference"
    zero = str(home / "checkpoints/step-000004")
    assert again["stages"]["results"]["models"] == ["base", zero, "final"]


def test_what_has_not_finished_cannot_be_started_after(api: Api, run: Run) -> None:
    told_upto(run, "zero")
    refused = body(api.post(f"/runs/{run.pk}/stages/dev1/repeat"), 409)
    assert refused["code"] == "stage_not_finished"
    assert refused["detail"].startswith(f"Stage cold of run {run.pk} has not finished")
    assert Run.objects.count() == 1


def test_what_was_deleted_cannot_be_started_from(api: Api, run: Run, runs_dir: Path) -> None:
    told_upto(run, "zero")
    shutil.rmtree(runs_dir / run.directory_name / "checkpoints/step-000004")
    refused = body(api.post(f"/runs/{run.pk}/stages/cold/repeat"), 409)
    assert refused["code"] == "stage_deleted"


def test_a_stage_that_is_not_there_is_not_found(api: Api, run: Run, make_run: MakeRun) -> None:
    body(api.post(f"/runs/{run.pk}/stages/sixth/repeat"), 404)
    body(api.post(f"/runs/{make_run().pk}/stages/grpo/repeat"), 404)


def test_viewers_repeat_nothing(viewer: User, run: Run) -> None:
    body(caller(viewer).post(f"/runs/{run.pk}/stages/zero/repeat"), 403)


@pytest.mark.parametrize(
    "name", ["run-{:06d}/checkpoints/x", "run-{:06d}/../run-{:06d}/x", "run-0{:06d}/x", "x/y"]
)
def test_nobody_names_a_directory_of_runs_they_may_not_see(
    stranger: User, run: Run, runs_dir: Path, name: str
) -> None:
    path = str(runs_dir / name.format(run.pk, run.pk))
    refused = caller(stranger).post("/runs", {"config": {"model": {"path": path}}})
    assert body(refused, 403)["errors"][0]["path"] == "model.path"


def test_directories_of_ones_own_runs_may_be_named(member: User, run: Run, runs_dir: Path) -> None:
    path = str(runs_dir / run.directory_name / "checkpoints/step-000004")
    started = caller(member).post("/runs", {"config": {"model": {"path": path}}})
    assert body(started, 201)["config"]["model"]["path"] == path


def test_nobody_trains_on_data_of_runs_they_may_not_see(
    stranger: User, run: Run, runs_dir: Path
) -> None:
    data = str(runs_dir / "x" / ".." / run.directory_name / "datasets/cold.jsonl")
    stage = {"type": "sft", "data": [data]}
    asked = {"config": {"pipeline": ["one"], "stages": {"one": stage}}}
    refused = body(caller(stranger).post("/runs", asked), 403)
    assert refused["errors"][0]["path"] == "stages.one.data.0"


@pytest.mark.parametrize(
    ("step", "pipeline", "starts_there"),
    [
        (2, ["zero", "cold", "dev1", "preference", "final", "results"], True),
        (4, ["cold", "dev1", "preference", "final", "results"], False),
        (8, ["dev1", "preference", "final", "results"], True),
        (18, ["results"], False),
    ],
)
def test_a_fork_goes_on_in_the_stage_of_the_checkpoint(
    api: Api,
    run: Run,
    make_checkpoint: Callable[..., Checkpoint],
    step: int,
    pipeline: list[str],
    *,
    starts_there: bool,
) -> None:
    told_upto(run, "zero", "cold", "dev1", "preference", "final")
    checkpoint = Checkpoint.objects.filter(run=run, step=step).first() or make_checkpoint(run, step)
    asked = {"checkpoint": checkpoint.pk, "config": {"seed": 4}}
    forked = body(api.post(f"/runs/{run.pk}/fork", asked), 201)
    assert (forked["config"]["pipeline"], forked["config"]["seed"]) == (pipeline, 4)
    assert forked["parent"]["step"] == step
    assert forked["config"]["model"] == run.config["model"]
    start = forked["config"]["stages"][pipeline[0]].get("start", "")
    assert start.endswith(checkpoint.path) is (starts_there or step == 4)


def test_a_run_is_kept_while_another_reads_its_stages(api: Api, run: Run) -> None:
    told_upto(run, "zero")
    body(api.post(f"/runs/{run.pk}/stages/cold/repeat"), 201)
    Run.objects.filter(pk=run.pk).update(state=State.STOPPED)
    assert api.delete(f"/runs/{run.pk}?name=r1").status_code == 204
    (deleted,) = body(api.get("/deleted-runs"))["items"]
    assert deleted["kept_until"] is None


def test_a_config_comes_to_the_sum_of_its_stages(api: Api) -> None:
    asked = {"preset": "r1-zero-nano", "config": PIPELINE}
    answer = body(api.post("/configs/validate", asked))
    assert answer["problems"] == []
    sums = answer["arithmetic"]
    each = {stage["name"]: stage for stage in sums["stages"]}
    assert (sums["steps"], each["cold"]["completions_per_step"]) == (18, 32 * 4)
    assert each["results"]["evaluations"] == 3
    for field in ("total_completions", "evaluations"):
        assert sums[field] == sum(stage[field] for stage in each.values())
    assert sums["checkpoints"] == 5  # at the end of each that makes something; none is due before
    assert any("takes the most" in note for note in answer["memory"]["notes"])
