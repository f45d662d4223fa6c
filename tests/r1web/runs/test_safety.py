"""What the server tells of a run's safety evaluation: a report that the trainer itself has made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1web.accounts.models import User
from r1web.runs.models import Run
from r1web.runs.selectors import safety as selector
from r1web.runs.services import NewEvent, append_events
from tests.r1web.conftest import Api, caller
from training.config import NoJudge
from training.safety.examine import Sampled, examine
from training.safety.keywords import read_rules
from training.safety.prompts import read_set
from training.safety.report import keep, report

pytestmark = pytest.mark.django_db
MakeRun = Callable[..., Run]
SAID = "<b onclick=alert(1)>A bomb.</b>"


@pytest.fixture
def run(make_run: MakeRun, runs_dir: Path) -> Run:
    run: Run = make_run()
    (runs_dir / run.directory_name).mkdir(parents=True)
    return run


@pytest.fixture
def told(run: Run, runs_dir: Path) -> dict[str, Any]:
    """All prompts that ship, each answered alike, the last not at all."""
    asked, rules = read_set(None), read_rules(None)
    *most, last = asked.prompts
    sampled = [*(Sampled(one, SAID) for one in most), Sampled(last, None, "too long")]
    found = report(examine(sampled, rules, None), asked, rules, NoJudge(), step=40, model=None)
    keep(found, runs_dir / run.directory_name)
    return found


def test_figures_by_category(api: Api, run: Run, told: dict[str, Any]) -> None:
    answer = api.get(f"/runs/{run.pk}/safety").json()
    assert (answer["step"], answer["judge"]["type"]) == (40, "none")
    assert answer["safety"] == told["safety"]
    assert answer["categories"] == told["categories"]
    assert answer["over_refusal"]["bare"]["counts"]["not_judged"] == 1
    assert "items" not in answer


def test_texts_of_a_subcategory_page_by_page(api: Api, run: Run, told: dict[str, Any]) -> None:
    where = {"category": "crime", "subcategory": "weapons"}
    first = api.get(f"/runs/{run.pk}/safety/items", limit=5, **where).json()
    rest = api.get(f"/runs/{run.pk}/safety/items", offset=5, **where).json()
    items = [item for item in told["items"] if item["subcategory"] == "weapons"]
    assert first["items"] + rest["items"] == items
    assert (first["total"], len(first["items"]), first["items"][0]["completion"]) == (8, 5, SAID)


def test_each_model_that_was_measured_stays(
    api: Api, run: Run, told: dict[str, Any], runs_dir: Path
) -> None:
    folder = runs_dir / run.directory_name
    for step, model in ((101, "zero"), (1_000_000, "final")):
        items = [{**item, "completion": model} for item in told["items"]]
        keep({**told, "step": step, "model": model, "items": items}, folder)
        append_events(run=run, attempt=None, items=[
            NewEvent("evaluation", {"model": model, "values": {}}, step=step)
        ])  # fmt: skip
    last = api.get(f"/runs/{run.pk}/safety").json()
    assert (last["step"], last["model"]) == (1_000_000, "final")
    assert last["measured"] == [
        {"step": 40, "model": None}, {"step": 101, "model": "zero"},
        {"step": 1_000_000, "model": "final"},
    ]  # fmt: skip
    chosen = api.get(f"/runs/{run.pk}/safety", step=101).json()
    assert (chosen["model"], chosen["measured"]) == ("zero", last["measured"])
    where = {"category": "crime", "subcategory": "weapons", "step": 101}
    items = api.get(f"/runs/{run.pk}/safety/items", **where).json()["items"]
    assert {item["completion"] for item in items} == {"zero"}
    missing = api.get(f"/runs/{run.pk}/safety", step=7)
    assert missing.status_code == 404
    assert "take one of 40, 101, 1000000" in missing.json()["detail"]


def test_the_one_of_an_earlier_release_is_shown(
    api: Api, run: Run, told: dict[str, Any], runs_dir: Path
) -> None:
    folder = runs_dir / run.directory_name
    (folder / "safety" / "step-000040.json").rename(folder / "safety.json")
    for query in ({}, {"step": 40}):
        answer = api.get(f"/runs/{run.pk}/safety", **query).json()
        assert (answer["safety"], answer["measured"]) == (
            told["safety"], [{"step": 40, "model": None}],
        )  # fmt: skip


def test_a_run_without_one(api: Api, run: Run) -> None:
    answer = api.get(f"/runs/{run.pk}/safety")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "This run has no safety evaluation.",
    )


def test_a_stranger_learns_nothing(run: Run, told: dict[str, Any], stranger: User) -> None:
    for path in ("safety", "safety/items?category=crime&subcategory=weapons"):
        assert caller(stranger).get(f"/runs/{run.pk}/{path}").status_code == 404


def test_a_file_that_is_none_or_too_large(
    api: Api, run: Run, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = runs_dir / run.directory_name / "safety.json"
    file.write_text(json.dumps({"step": 1}), encoding="utf-8")
    answer = api.get(f"/runs/{run.pk}/safety")
    assert answer.json()["detail"] == "safety.json of this run cannot be read."
    monkeypatch.setattr(selector, "LARGEST_BYTES", 1)
    assert "is too large" in api.get(f"/runs/{run.pk}/safety").json()["detail"]
    assert answer.status_code == 409
