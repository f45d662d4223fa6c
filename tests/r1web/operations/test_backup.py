"""A backup put back is what was there; and what goes wrong leaves everything as it was.

These run on SQLite and on PostgreSQL, and one goes from either to a SQLite file and back.
"""

import math
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.models import Group as UserGroup
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.utils import timezone
from pytest_django import Settings

from r1web.accounts.models import User
from r1web.cluster.models import Device, Lease, Node
from r1web.compare.services import create_note, create_view
from r1web.metrics.services import Sample, append_points
from r1web.operations.backup import rows
from r1web.operations.backup.write import write_backup
from r1web.rollouts.models import CompletionNote, Star
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Checkpoint, Run, State
from r1web.runs.services import create_run
from tests.r1web.conftest import PRESET
from tests.r1web.points import points_of
from tests.r1web.rollouts.told import rollouts

pytestmark = pytest.mark.django_db(transaction=True)
MakeRun = Callable[..., Run]
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.R1WEB_HOME = tmp_path / "home"
    settings.R1WEB_RUNS_DIR = tmp_path / "home" / "runs"
    return tmp_path / "home"


@pytest.fixture
def full(make_run: MakeRun, owner: User, home: Path) -> Run:
    """A run with something of everything, and its directory."""
    run = make_run(State.FINISHED, name="Ünïcode “sums” 🦉", tags=["a"])
    node = Node.objects.create(name="n", queue="node.n", price_per_device_hour="2.5000")
    Node.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    attempt = Attempt.objects.create(run=run, number=1, node=node, ended_at=timezone.now())
    device = Device.objects.create(node=node, kind="gpu", index=0, memory_bytes=2**40)
    Lease.objects.create(device=device, attempt=attempt, released_at=timezone.now())
    values = {"reward/mean": 0.1 + 0.2, "loss": math.inf, "kl/mean": math.nan}
    append_points([Sample(attempt, 1, 1e9 + 0.125, values)])
    told = rollouts(1, 0, [1.0, math.nan], prompt="p", answer="line\nbreak \u2028 🦉")
    (group,) = append_groups([(attempt, told)])
    Star.objects.create(user=owner, group=group, index=1)
    CompletionNote.objects.create(group=group, index=0, author=owner, body="look 🦉")
    folder = home / "runs" / run.directory_name
    (folder / "checkpoints" / "step-000001").mkdir(parents=True)
    (folder / "checkpoints" / "step-000001" / "model.safetensors").write_bytes(os.urandom(70_000))
    (folder / "events.jsonl").write_text('{"seq": 1}\n')
    (folder / "config.json").write_text("{}")
    (folder / "launcher.json").write_text("{}")
    Checkpoint.objects.create(
        run=run, attempt=attempt, step=1, path="checkpoints/step-000001", bytes=9, reason="last"
    )
    create_view(project=run.project, name="View", query=f"runs={run.pk}", actor=owner)
    create_note(project=run.project, title="Note", body="| a |\n|---|\n| 🦉 |", actor=owner)
    crew = UserGroup.objects.create(name="crew")
    crew.permissions.set(Permission.objects.filter(codename="view_run"))
    owner.groups.add(crew)
    return run


def everything() -> Rows:
    """All that is kept, by table; NaN-free, so that it can be compared."""
    return {
        rows.label(model): list(model._base_manager.order_by("pk").values())
        for model in rows.kept_models()
    }


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def backup(target: Path, *words: str) -> Path:
    call_command("backup", str(target), *words, stdout=StringIO())
    return target


def restore(archive: Path, *words: str) -> str:
    out = StringIO()
    call_command("restore", str(archive), *words, stdout=out)
    return out.getvalue()


def empty(home: Path) -> None:
    """As after `migrate`: what Django makes by itself, and no directory."""
    call_command("flush", interactive=False, verbosity=0)
    (home / "runs").rename(home / "elsewhere")


def test_what_is_put_back_is_what_was_there(full: Run, home: Path, tmp_path: Path) -> None:
    before, on_disk = everything(), files(home / "runs")
    archive = backup(tmp_path / "all.tar.gz", "--checkpoints")
    assert archive.stat().st_mode & 0o777 == 0o600
    empty(home)
    restore(archive)
    assert everything() == before
    on_disk.pop(f"{full.directory_name}/launcher.json")  # of processes of another time
    assert files(home / "runs") == on_disk
    assert [value for _, value in points_of(full, "loss")] == [math.inf]
    assert sorted(path.name for path in home.iterdir()) == ["elsewhere", "runs"]


def test_what_comes_after_a_restore_gets_numbers_of_its_own(
    full: Run, owner: User, home: Path, tmp_path: Path
) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    empty(home)
    restore(archive)
    user = User.objects.get(pk=owner.pk)
    new = create_run(owner=user, project=full.project, preset=PRESET, name="new", overrides={})
    assert new.pk > full.pk


def test_checkpoints_that_were_left_out_count_as_removed(
    full: Run, home: Path, tmp_path: Path
) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    empty(home)
    assert "1 checkpoints are not in the archive" in restore(archive)
    assert Checkpoint.objects.get().deleted_at is not None
    assert not (home / "runs" / full.directory_name / "checkpoints").exists()


def test_data_that_is_there_is_only_replaced_when_told(
    full: Run, home: Path, tmp_path: Path
) -> None:
    archive = backup(tmp_path / "a.tar.gz", "--checkpoints")
    before = everything()
    Run.objects.filter(pk=full.pk).update(name="changed")
    with pytest.raises(CommandError, match=r"has data already.*--replace"):
        restore(archive)
    assert Run.objects.get(pk=full.pk).name == "changed"
    said = restore(archive, "--replace")
    assert everything() == before
    (aside,) = home.glob("runs-before-*")
    assert str(aside) in said
    assert (aside / full.directory_name / "launcher.json").exists()


def test_nothing_is_restored_while_workers_run(full: Run, tmp_path: Path) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    Node.objects.update(heartbeat_at=timezone.now())
    with pytest.raises(CommandError, match="stop r1web"):
        restore(archive, "--replace")


@pytest.mark.parametrize("damage", ["cut", "changed", "text", "absent"])
def test_a_damaged_archive_changes_nothing(
    full: Run, home: Path, tmp_path: Path, damage: str
) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    whole = archive.read_bytes()
    if damage == "cut":
        archive.write_bytes(whole[: len(whole) // 2])
    elif damage == "changed":
        repack(archive, {f"runs/{full.directory_name}/config.json": b"[]"})
    elif damage == "text":
        archive.write_text("no archive")
    else:
        archive.unlink()
    before, on_disk = everything(), files(home)
    with pytest.raises(CommandError, match=r"damaged|cannot be read"):
        restore(archive, "--replace")
    assert (everything(), files(home)) == (before, on_disk)


def test_a_member_that_leaves_the_folder_is_refused(full: Run, home: Path, tmp_path: Path) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    repack(archive, {"../escaped": b"x"})
    with pytest.raises(CommandError, match="escaped"):
        restore(archive, "--replace")
    assert not (home / "escaped").exists()


def test_rows_that_the_database_refuses_change_nothing(
    full: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    before, on_disk = everything(), files(home)

    def refuse(*_: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(type(connections["default"]), "check_constraints", refuse)
    with pytest.raises(CommandError, match="Nothing was restored: disk full"):
        restore(archive, "--replace")
    assert (everything(), files(home)) == (before, on_disk)


def test_a_commit_that_fails_takes_the_files_back(
    full: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    before, on_disk = everything(), files(home)

    def refuse(*_: Any) -> None:
        raise DatabaseError("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(type(connections["default"]), "_commit", refuse)
        with pytest.raises(CommandError, match="connection lost"):
            restore(archive, "--replace")
    assert (everything(), files(home)) == (before, on_disk)


def test_an_archive_of_another_release_is_refused(
    full: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = backup(tmp_path / "a.tar.gz")
    later = [*rows.migrations(), "runs.9999_later"]
    monkeypatch.setattr(rows, "migrations", lambda: later)
    with pytest.raises(CommandError, match=r"another release .*runs\.9999_later"):
        restore(archive, "--replace")


def test_a_backup_that_fails_leaves_nothing_behind(
    full: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "backups" / "a.tar.gz"
    target.parent.mkdir()

    def refuse(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("r1web.operations.backup.archive.Writer.finish", refuse)
    with pytest.raises(CommandError, match="no space left"):
        backup(target)
    assert list(target.parent.iterdir()) == []


def test_an_earlier_backup_is_never_overwritten(full: Run, tmp_path: Path) -> None:
    target = backup(tmp_path / "a.tar.gz")
    with pytest.raises(CommandError, match="exists: choose another name"):
        backup(target)


def test_files_that_grow_or_go_while_they_are_read(
    full: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "runs" / full.directory_name
    listed = rows.dump

    def meanwhile(file: Any) -> dict[str, int]:
        with (folder / "events.jsonl").open("a") as journal:
            journal.write('{"seq": 2}\n')
        return listed(file)

    monkeypatch.setattr(rows, "dump", meanwhile)
    assert write_backup(target=tmp_path / "a.tar.gz", checkpoints=False).vanished == 0
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        journal = tar.extractfile(f"runs/{full.directory_name}/events.jsonl")
        assert journal is not None
        assert journal.read().count(b"\n") == 2


def test_a_backup_goes_from_one_database_to_the_other_and_back(
    full: Run, home: Path, tmp_path: Path
) -> None:
    """From the one that the tests run on, to a SQLite file of another installation, and back."""
    before, on_disk = everything(), files(home / "runs")
    archive = backup(tmp_path / "there.tar.gz", "--checkpoints")
    other = tmp_path / "other"
    env = {
        **os.environ,
        "R1WEB_HOME": str(other),
        "DATABASE_URL": f"sqlite:///{other / 'db.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "r1web.settings.test",
    }
    other.mkdir()
    for words in (
        ["migrate", "--verbosity", "0"],
        ["restore", str(archive)],
        ["backup", str(tmp_path / "back.tar.gz"), "--checkpoints"],
    ):
        command = [sys.executable, "manage.py", *words]
        subprocess.run(command, cwd=django_settings.BASE_DIR, env=env, check=True)
    on_disk.pop(f"{full.directory_name}/launcher.json")
    assert files(other / "runs") == on_disk
    empty(home)
    restore(tmp_path / "back.tar.gz")
    assert everything() == before


def test_every_table_is_kept_or_named_as_passing(db: None) -> None:
    models = {rows.label(model) for model in apps.get_models(include_auto_created=True)}
    assert models - {rows.label(model) for model in rows.kept_models()} == rows.PASSING


def repack(archive: Path, changes: dict[str, bytes]) -> None:
    """Write the archive anew with other contents for some members, and the old manifest."""
    folder = archive.with_suffix(".unpacked")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        tar.extractall(folder, filter="data")
    with tarfile.open(archive, "w:gz") as tar:
        for name in [*(set(changes) - set(names)), *names]:
            path = folder / name.replace("..", "_")
            if name in changes:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(changes[name])
            tar.add(path, name)
