"""Sizes by project: measured in the background, stored, and shown to those who may see them."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from r1web.accounts.models import Project, User
from r1web.operations import measuring, tasks
from r1web.operations.models import RunSize
from r1web.runs.models import Checkpoint, Run, State
from r1web.runs.services import delete_run
from tests.r1web.api.test_problems import body_of
from tests.r1web.conftest import Api, caller
from tests.r1web.operations.test_retention import measured

MakeRun = Callable[..., Run]
MakeCheckpoint = Callable[..., Checkpoint]
JOURNAL = 5500
"""Bytes that `measured` writes."""


def due() -> list[int]:
    return [run.pk for run in measuring.measure_due()]


def overview(api: Api, slug: str = "sums") -> dict[str, Any]:
    items = api.get("/projects").json()["items"]  # type: ignore[attr-defined]
    (found,) = [item for item in items if item["slug"] == slug]
    return dict(found)


@pytest.fixture
def run(make_run: MakeRun, runs_dir: Path, make_checkpoint: MakeCheckpoint) -> Run:
    """With a checkpoint of 1,000 bytes, a journal, 6 points, 1 completion and a log of 10 bytes."""
    run = measured(make_run(State.FINISHED), runs_dir)
    folder = runs_dir / run.directory_name
    (folder / make_checkpoint(run).path / "weights").write_bytes(b"x" * 1000)
    (folder / "trainer.log").write_bytes(b"0123456789")
    return run


def test_the_worker_measures_and_a_request_reads_what_it_stored(
    api: Api, run: Run, runs_dir: Path
) -> None:
    assert overview(api)["measured_at"] is None
    tasks.prune()
    rmtree(runs_dir)  # nobody looks at the disk any more
    seen = overview(api)
    assert (seen["runs"], seen["role"], seen["bytes"]) == (1, "owner", 6510)
    assert (seen["checkpoint_bytes"], seen["journal_bytes"], seen["other_bytes"]) == (
        1000, JOURNAL, 10,
    )  # fmt: skip
    assert (seen["points"], seen["completions"], seen["deleted_bytes"]) == (500, 1, 0)
    assert seen["measured_at"] is not None


def test_an_ended_run_is_measured_once_and_another_every_hour(make_run: MakeRun, run: Run) -> None:
    waiting = make_run()
    assert due() == [run.pk, waiting.pk]
    assert due() == []
    RunSize.objects.update(measured_at=timezone.now() - timedelta(minutes=61))
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now() - timedelta(days=3))
    assert due() == [waiting.pk]
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now() + timedelta(seconds=1))
    assert due() == [run.pk]  # it was resumed and has ended again


def test_a_disk_that_is_not_seen_leaves_what_was_measured(run: Run, runs_dir: Path) -> None:
    assert due() == [run.pk]
    (runs_dir / run.directory_name).rename(runs_dir / "elsewhere")
    measuring.measure(run)
    assert RunSize.objects.get().bytes == 6510


def test_what_is_compressed_is_measured_anew(run: Run) -> None:
    assert due() == [run.pk]
    Run.objects.update(ended_at=timezone.now() - timedelta(days=2))
    tasks.prune()
    size = RunSize.objects.get()
    assert 0 < size.journal_bytes < JOURNAL / 10
    assert size.bytes == 1010 + size.journal_bytes


def test_deleted_runs_are_counted_apart_until_they_go(
    api: Api, run: Run, owner: User, settings: Settings
) -> None:
    assert due() == [run.pk]
    delete_run(run=run, name="sums", actor=owner)
    seen = overview(api)
    assert (seen["runs"], seen["bytes"], seen["deleted_bytes"]) == (0, 6510, 6510)
    settings.R1WEB_KEEP_DELETED_DAYS = 0
    tasks.prune()
    seen = overview(api)
    assert (seen["bytes"], seen["deleted_bytes"], seen["points"]) == (0, 0, 0)
    assert due() == []


def test_the_largest_runs_come_first(api: Api, make_run: MakeRun, run: Run) -> None:
    small = make_run(name="small")
    due()
    found = api.get("/projects/sums/sizes", limit=1).json()  # type: ignore[attr-defined]
    rest = api.get("/projects/sums/sizes", cursor=found["next_cursor"]).json()  # type: ignore[attr-defined]
    first, second = found["items"] + rest["items"]
    assert (first["run"], first["bytes"], first["points"]) == (run.pk, 6510, 500)
    assert (second["run"], second["name"], second["state"]) == (small.pk, "small", "queued")
    assert (second["bytes"], second["deleted"], rest["next_cursor"]) == (0, False, None)


def test_members_see_their_projects_and_staff_see_all(
    api: Api, viewer: User, stranger: User, run: Run
) -> None:
    due()
    assert overview(caller(viewer))["role"] == "viewer"
    theirs = caller(stranger).get("/projects").json()["items"]  # type: ignore[attr-defined]
    assert [item["slug"] for item in theirs] == ["elsewhere"]
    body_of(caller(stranger).get("/projects/sums/sizes"), 404)
    stranger.is_staff = True
    stranger.save()
    seen = overview(caller(stranger))
    assert (seen["role"], seen["bytes"]) == (None, 6510)
    body_of(caller(stranger).get("/projects/sums/sizes"), 404)  # names of runs stay theirs


def test_the_list_takes_as_many_queries_for_many_projects_as_for_one(
    api: Api, run: Run, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    due()
    overview(api)  # the first use of a token is noted
    with django_assert_num_queries(3):  # the token, the projects, the roles
        api.get("/projects")
    for number in range(5):
        Project.objects.create(slug=f"p{number}", name="P").memberships.create(user=owner)
    with django_assert_num_queries(3):
        assert len(api.get("/projects").json()["items"]) == 6  # type: ignore[attr-defined]


def test_the_command_shows_each_project(run: Run) -> None:
    out = StringIO()
    call_command("prune", stdout=out)
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("sums")]
    assert line.split() == ["sums", "1", *["0.000"] * 5, "500", "1"]
