"""The process that makes a release: what it leaves in the database and on the disk."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from celery import Celery
from pytest_django import Settings

from r1web.cluster.models import Node
from r1web.operations.measuring import measure_due
from r1web.operations.models import RunSize
from r1web.processes import is_alive
from r1web.releases import services
from r1web.releases.models import Release
from r1web.runs.models import Checkpoint, Run
from tests.r1web.conftest import Api
from tests.r1web.releases.conftest import folder_of
from tests.r1web.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

LASTING = """
import pathlib, sys, time
pathlib.Path(sys.argv[1]).touch()
print("Reading the model", flush=True)
while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.02)
sys.exit("--out: it was let go on, to fail.")
"""


def asked(api: Api, checkpoint: Checkpoint, **body: str) -> Release:
    answer = api.post(f"/checkpoints/{checkpoint.pk}/releases", body)
    return Release.objects.get(pk=answer.json()["id"])


@pytest.mark.usefixtures("broker")
def test_every_file_is_listed_as_it_lies_there_and_the_space_it_takes(
    api: Api, checkpoint: Checkpoint
) -> None:
    list(measure_due())
    assert RunSize.objects.get().release_bytes == 0
    release = asked(api, checkpoint)
    services.export(release_id=release.pk)
    services.export(release_id=release.pk)  # a message that comes again finds it made

    release.refresh_from_db()
    assert (release.state, release.reason, release.node) == ("ready", "", "laptop")
    assert "transformers agrees" in release.checked
    folder = folder_of(release.run) / release.path
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    listed = api.get(f"/releases/{release.pk}/files").json()["items"]
    assert {file["name"]: file["sha256"] for file in listed} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert {"README.md", "model.safetensors", "release.json"} <= files.keys()
    card = files["README.md"].decode()
    assert card.startswith("---\n")
    assert f"Run \\#{release.run.pk} of" in card  # the run's report
    assert api.get(f"/releases/{release.pk}").json()["bytes"] == sum(map(len, files.values()))
    list(measure_due())
    taken = RunSize.objects.get().release_bytes
    assert taken >= sum(map(len, files.values()))


@pytest.mark.usefixtures("broker")
def test_what_is_made_anew_keeps_the_card_it_has(api: Api, checkpoint: Checkpoint) -> None:
    release = asked(api, checkpoint)
    services.export(release_id=release.pk)
    readme = folder_of(release.run) / release.path / "README.md"
    before = readme.read_bytes(), readme.stat().st_mtime_ns
    Run.objects.filter(pk=release.run_id).update(name="another name")  # which a new card would have
    Release.objects.filter(pk=release.pk).update(state="queued")
    services.export(release_id=release.pk)
    release.refresh_from_db()
    assert (release.state, release.reason) == ("ready", "")
    assert (readme.read_bytes(), readme.stat().st_mtime_ns) == before


@pytest.mark.usefixtures("broker")
def test_the_trainers_own_sentence_says_why_not(
    api: Api, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    release = asked(api, checkpoint, push="team/adder")
    services.export(release_id=release.pk)
    release.refresh_from_db()
    assert release.state == "failed"
    assert release.reason.startswith("--push: set HF_TOKEN")
    assert (release.files, release.pushed_to) == ({}, "")


@pytest.mark.usefixtures("broker")
def test_a_machine_that_does_not_see_the_checkpoint_says_so(
    api: Api, checkpoint: Checkpoint, settings: Settings, tmp_path: Path
) -> None:
    release = asked(api, checkpoint)
    settings.R1WEB_RUNS_DIR = tmp_path / "another disk"
    services.export(release_id=release.pk)
    release.refresh_from_db()
    assert (release.state, "does not see" in release.reason) == ("failed", True)
    assert not (tmp_path / "another disk").exists()


@pytest.mark.usefixtures("broker")
def test_one_at_a_time_on_a_machine(api: Api, checkpoint: Checkpoint) -> None:
    first, second = asked(api, checkpoint), asked(api, checkpoint, dtype="fp8")
    Release.objects.filter(pk=first.pk).update(state="exporting", node="laptop")
    services.export(release_id=second.pk)
    second.refresh_from_db()
    assert second.state == "queued"


def test_what_is_given_up_is_ended(
    api: Api, checkpoint: Checkpoint, settings: Settings, tmp_path: Path
) -> None:
    settings.EXPORT_COMMAND = [sys.executable, "-c", LASTING, str(tmp_path / "on"), "/nowhere"]
    release = Release.objects.create(run=checkpoint.run, checkpoint=checkpoint, dtype="bf16")

    def give_up(*_: object, **__: object) -> bool:
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("r1web.releases.services.exporting._beat", give_up)
        services.export(release_id=release.pk)
    release.refresh_from_db()
    assert (release.state, release.reason) == (
        "failed", "The export was ended by signal 15; ask for it again.",
    )  # fmt: skip
    assert api.get(f"/releases/{release.pk}").json()["state"] == "failed"


def test_a_process_that_is_killed_takes_its_exporter_along_and_the_next_one_clears_up(
    api: Api, checkpoint: Checkpoint, broker: Celery
) -> None:
    release = asked(api, checkpoint)
    folder = folder_of(release.run) / release.path
    command = [sys.executable, "manage.py", "release", str(release.pk)]
    with subprocess.Popen(command) as following:
        until(lambda: list(folder.parent.glob(".*.partial")))
        (exporter,) = psutil.Process(following.pid).children()
        following.kill()
    until(lambda: not is_alive(exporter.pid, None))
    assert not folder.exists()

    Release.objects.filter(pk=release.pk).update(state="queued")
    services.export(release_id=release.pk)
    release.refresh_from_db()
    assert (release.state, release.reason) == ("ready", "")
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, f"{folder.name}.log"}


def test_a_killed_worker_leaves_the_export_going_on(
    api: Api,
    checkpoint: Checkpoint,
    start_worker: Callable[[], "subprocess.Popen[bytes]"],
    tmp_path: Path,
) -> None:
    worker = start_worker()
    until(Node.objects.exists)
    release = asked(api, checkpoint)

    def exporter() -> psutil.Process | None:
        words = ("release", str(release.pk))
        mine = [
            p for p in psutil.Process(worker.pid).children() if tuple(p.cmdline()[-2:]) == words
        ]
        return mine[0] if mine else None

    process = until(exporter)
    worker.kill()
    worker.wait()
    assert process.is_running()

    until(lambda: not Release.objects.get().is_open)
    done = Release.objects.get()
    log = (tmp_path / "logs" / "releases-laptop.log").read_text()
    assert (done.state, done.reason) == ("ready", ""), log
    assert (folder_of(done.run) / done.path / "model.safetensors").is_file()
