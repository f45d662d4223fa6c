"""What deleted runs leave goes, what others need stays, and a compressed journal is not missed."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from r1web.cluster.journal import compress_journal, open_journal
from r1web.cluster.supervisor.hold import only_one
from r1web.errors import ConflictError
from r1web.metrics.models import Page, Series
from r1web.metrics.selectors import count_points
from r1web.metrics.services import Sample, append_points
from r1web.operations import retention
from r1web.rollouts.models import Group, Segment
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Checkpoint, Event, Run, State
from r1web.runs.services import delete_run, restore_run
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]
MakeCheckpoint = Callable[..., Checkpoint]
DAY = timedelta(days=1)


def measured(run: Run, folder: Path) -> Run:
    """Give the run points, a completion and files."""
    attempt = Attempt.objects.create(run=run, number=1, ended_at=timezone.now())
    samples = [
        Sample(attempt, step, 1.0, {"reward/mean": 0.5, "loss": 1.0}) for step in range(1, 251)
    ]
    append_points(samples)
    append_groups([(attempt, rollouts(1, 0, [0.5]))])
    (folder / run.directory_name).mkdir(parents=True, exist_ok=True)
    (folder / run.directory_name / "events.jsonl").write_text('{"seq": 1}\n' * 500)
    return run


def prune() -> list[str]:
    return [sentence for sentence in retention.prune() if sentence]


def deleted(run: Run, ago: timedelta) -> None:
    delete_run(run=run, name=run.name, actor=run.owner)
    Run.objects.filter(pk=run.pk).update(deleted_at=timezone.now() - ago)


def rows_of(run: Run) -> list[int]:
    return [
        count_points(run.pk),
        Page.objects.filter(attempt__run=run).count(),
        Series.objects.filter(run=run).count(),
        Group.objects.filter(run=run).count(),
        Segment.objects.filter(run=run).count(),
        Event.objects.filter(run=run).count(),
    ]


def test_a_deleted_run_loses_its_data_and_no_other_does(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    gone, kept = (measured(make_run(State.FINISHED), runs_dir) for _ in range(2))
    before = rows_of(kept)
    deleted(gone, 8 * DAY)
    assert prune() == [f"{gone}: deleted {timezone.now() - 8 * DAY:%Y-%m-%d}, its data removed"]
    assert rows_of(gone) == [0] * 6
    assert not (runs_dir / gone.directory_name).exists()
    assert rows_of(kept) == before
    assert (runs_dir / kept.directory_name / "events.jsonl").exists()
    assert Run.objects.get(pk=gone.pk).config  # what it was, and what it cost, stays known
    assert gone.attempts.count() == 1
    assert prune() == []


@pytest.mark.parametrize(("days", "goes"), [(7, False), (5, True), (0, True)])
def test_it_keeps_them_for_as_long_as_the_setting_says(
    make_run: MakeRun, runs_dir: Path, settings: Settings, days: int, *, goes: bool
) -> None:
    settings.R1WEB_KEEP_DELETED_DAYS = days
    run = measured(make_run(State.STOPPED), runs_dir)
    deleted(run, 6 * DAY)
    assert bool(prune()) is goes


def test_until_then_it_comes_back_with_all_it_had(
    make_run: MakeRun, runs_dir: Path, make_checkpoint: MakeCheckpoint
) -> None:
    run = measured(make_run(State.FINISHED), runs_dir)
    make_checkpoint(run)
    before = rows_of(run), sorted((runs_dir / run.directory_name).rglob("*"))
    deleted(run, 6 * DAY)
    assert prune() == []
    restore_run(run=run)
    assert prune() == []
    assert (rows_of(run), sorted((runs_dir / run.directory_name).rglob("*"))) == before
    assert run.checkpoints.get().deleted_at is None


def test_one_that_lost_a_part_only_cannot_be_restored(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    run = measured(make_run(State.FINISHED), runs_dir)
    deleted(run, 8 * DAY)
    next(retention.prune())
    assert sum(rows_of(run)) > 0
    with pytest.raises(ConflictError, match="deleted too long ago"):
        restore_run(run=run)


def test_a_run_that_another_started_from_is_kept(
    make_run: MakeRun, runs_dir: Path, make_checkpoint: MakeCheckpoint
) -> None:
    parent = make_run(State.FINISHED)
    start = make_checkpoint(parent)
    child = make_run(State.FINISHED, start_checkpoint=start)
    deleted(parent, 8 * DAY)
    assert prune() == []
    deleted(child, 6 * DAY)
    assert prune() == []  # the child may yet be restored
    deleted(child, 8 * DAY)
    assert [prune()[0].split(":")[0], prune()[0].split(":")[0]] == [str(child), str(parent)]
    start.refresh_from_db()
    assert start.deleted_at is not None


def test_pruning_that_was_cut_short_goes_on(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    run = measured(make_run(State.FAILED), runs_dir)
    deleted(run, 8 * DAY)
    next(retention.prune())
    assert sum(rows_of(run)) > 0
    assert len(prune()) == 1
    assert sum(rows_of(run)) == 0


def test_journals_of_runs_that_ended_a_day_ago_are_compressed(
    make_run: MakeRun, runs_dir: Path
) -> None:
    old = measured(make_run(State.FINISHED, ended_at=timezone.now() - 2 * DAY), runs_dir)
    new = measured(make_run(State.FINISHED), runs_dir)
    folder = runs_dir / old.directory_name
    text = (folder / "events.jsonl").read_bytes()
    assert prune() == [f"{old}: journal compressed"]
    assert gzip.decompress((folder / "events.jsonl.gz").read_bytes()) == text
    assert (folder / "events.jsonl.gz").stat().st_size < len(text) / 10
    assert not (folder / "events.jsonl").exists()
    assert (runs_dir / new.directory_name / "events.jsonl").exists()
    open_journal(folder)
    assert (folder / "events.jsonl").read_bytes() == text
    assert not (folder / "events.jsonl.gz").exists()


def test_a_run_that_somebody_supervises_is_left_alone(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r1web.cluster.supervisor.hold.LOCK_PATIENCE_S", 0.0)
    run = measured(make_run(State.FINISHED, ended_at=timezone.now() - 2 * DAY), runs_dir)
    with only_one(runs_dir / run.directory_name / "supervisor.lock"):
        assert prune() == []


def test_a_crash_between_compressing_and_removing_loses_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "events.jsonl"
    journal.write_text("one\n")
    compress_journal(tmp_path)
    journal.write_text("one\ntwo\n")  # both are there; the plain one may have grown since
    open_journal(tmp_path)
    assert journal.read_text() == "one\ntwo\n"
    assert not (tmp_path / "events.jsonl.gz").exists()
