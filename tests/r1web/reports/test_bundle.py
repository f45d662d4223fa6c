"""A bundle holds what a run was; run again it agrees, and what was changed is found."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from r1web.accounts.models import User
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.tail import Line
from r1web.reports.bundle import (
    EVENTS,
    MANIFEST,
    NUMBERS,
    BundleError,
    Tolerances,
    read_bundle,
    write_bundle,
)
from r1web.reports.comparing import by_interval, by_point
from r1web.reports.services.reproducing import run_again
from r1web.runs.models import Attempt, Run, State
from tests.r1web.conftest import Api, caller

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]  # real runs, on a busy machine
MakeRun = Callable[..., Run]
TINY = {
    "grpo": {"steps": 2, "prompts_per_step": 2, "group_size": 4},
    "sampling": {"max_new_tokens": 16},
    "evaluation": {"problems": 4},
}
EVALUATED = {
    **TINY,
    "pipeline": ["zero", "results"],
    "stages": {
        "zero": {"type": "grpo", "start": "base"},
        "results": {"type": "evaluate", "models": ["base", "zero"]},
    },
}


def trained(run: Run, tmp_path: Path) -> Run:
    """Really, in two steps."""
    run_again(run.config, tmp_path / "first", None, lambda _: None)
    attempt = Attempt.objects.create(run=run, number=1, started_at=run.created_at)
    offset, lines = 0, []
    for line in (tmp_path / "first" / "events.jsonl").read_bytes().splitlines():
        offset += len(line) + 1
        lines.append(Line(line, offset))
    ingest(attempt_id=attempt.pk, lines=lines)
    run.refresh_from_db()
    return run


def test_the_cards_of_its_data_are_in_it(api: Api, make_run: MakeRun, tmp_path: Path) -> None:
    run = trained(make_run(State.RUNNING, overrides=TINY), tmp_path)
    bundle = saved(api, run, tmp_path / "bundle.zip")
    with zipfile.ZipFile(bundle) as archive:
        cards = [used["card"] for used in json.loads(archive.read("dataset-cards.json"))]
    told = {(card["role"], card["origin"]): card for card in cards}
    assert set(told) == {
        ("training", "reasoning-gym chain_sum"), ("evaluation", "reasoning-gym chain_sum"),
        ("pretraining", "training.corpus"),
    }  # fmt: skip
    assert told["training", "reasoning-gym chain_sum"]["seed"] == 0


def saved(api: Api, run: Run, path: Path) -> Path:
    answer = api.get(f"/runs/{run.pk}/bundle")
    assert answer.status_code == 200
    path.write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    return path


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, **changed: bytes) -> Path:
    """With files changed and hashes made anew, as one would who wants to deceive."""
    files = {name: body for name, body in parts(path).items() if name != MANIFEST}
    with path.open("wb") as file:
        write_bundle(((name, [body]) for name, body in (files | changed).items()), file)
    return path


def reproduced(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as ended:
        call_command("reproduce", *words, "--json")
    return int(str(ended.value.code)), json.loads(capsys.readouterr().out)


def test_a_run_that_is_run_again_agrees_and_a_changed_number_is_found(
    api: Api, make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(make_run(State.RUNNING, overrides=EVALUATED), tmp_path)
    bundle = saved(api, run, tmp_path / "bundle.zip")
    assert bundle.read_bytes() == saved(api, run, tmp_path / "again.zip").read_bytes()
    code, told = reproduced(capsys, str(bundle), "--run-dir", str(tmp_path / "second"))
    assert (code, told["agrees"], told["differences"]) == (0, True, [])
    score = "eval/pass_at_1"
    assert {
        "reward/mean", "optim/loss", score, f"{score} of base in results",
        f"{score} of zero in results",
    } <= {each["name"] for each in told["compared"]}  # fmt: skip
    assert not [each for each in told["compared"] if each["name"].startswith("time/")]
    numbers = parts(bundle)[NUMBERS].decode().splitlines()
    place = next(n for n, line in enumerate(numbers) if line.startswith("entropy/mean,1,"))
    cells = numbers[place].split(",")
    numbers[place] = ",".join([*cells[:3], str(float(cells[3]) + 0.01), cells[4]])
    events = [json.loads(line) for line in parts(bundle)[EVENTS].splitlines()]
    for event in events:
        if event["type"] == "evaluation" and event["payload"]["model"] is not None:
            event["payload"]["values"][score] += 0.01
    changed = {
        NUMBERS: "\n".join(numbers).encode(),
        EVENTS: b"\n".join(json.dumps(event).encode() for event in events),
    }
    code, told = reproduced(capsys, str(rewritten(bundle, **changed)), "--steps", "3")
    assert code == 1
    assert [each["name"] for each in told["compared"] if not each["agrees"]] == [
        "entropy/mean", f"{score} of base in results",
    ]  # fmt: skip


def test_a_file_that_was_edited_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    with path.open("wb") as file:
        write_bundle([("config.json", [b"{}"]), ("about.json", [b"{}"])], file)
    files = parts(path) | {"config.json": b'{"seed": 1}'}
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    with pytest.raises(BundleError, match=r"config\.json is not what was exported"):
        read_bundle(path)
    with pytest.raises(CommandError, match=r"config\.json"):
        call_command("reproduce", str(path))


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK nothing")
    with pytest.raises(BundleError, match="no bundle"):
        read_bundle(path)


def test_the_same_parts_make_the_same_bytes() -> None:
    def made() -> bytes:
        file = io.BytesIO()
        write_bundle([("a.txt", [b"1", b"2"])], file)
        return file.getvalue()

    assert made() == made()


def test_points_agree_within_the_tolerance_and_not_beyond() -> None:
    told = {"reward/mean": {1: 1.0, 2: float("nan")}, "time/step_s": {1: 5.0}}
    (row,) = by_point(told, {"reward/mean": {1: 1 + 1e-7, 2: float("nan")}}, 2, Tolerances())
    assert row.agrees
    (row,) = by_point(told, {"reward/mean": {1: 1.1, 2: float("nan")}}, 2, Tolerances())
    assert (row.agrees, row.steps) == (False, "1 of 2 points differ, first at step 1")


def test_on_another_machine_scores_agree_within_both_intervals() -> None:
    def scored(value: float) -> dict[str, dict[int, float]]:
        name = "eval/pass_at_1"
        return {name: {2: value}, f"{name}_low": {2: value - 0.1}, f"{name}_high": {2: value + 0.1}}

    (near,) = by_interval(scored(0.5), scored(0.6), 2, Tolerances())
    (far,) = by_interval(scored(0.5), scored(0.7), 2, Tolerances())
    assert (near.agrees, far.agrees) == (True, False)
    rewards = {"reward/mean": {1: 1.0}, "reward/std": {1: 0.4}}
    assert [each.agrees for each in by_interval(rewards, {"reward/mean": {1: 1.3}}, 1, Tolerances())
            ] == [False]  # fmt: skip


def test_only_those_who_may_see_the_run_get_its_bundle(stranger: User, make_run: MakeRun) -> None:
    assert caller(stranger).get(f"/runs/{make_run().pk}/bundle").status_code == 404
