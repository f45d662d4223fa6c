"""Runs as jobs of SLURM: submitted, waiting, ended well and badly; SLURM is fake_slurm.py."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from r1web.cluster import services
from r1web.cluster.agent import look_after_jobs
from r1web.cluster.models import Job, Lease, Node
from r1web.cluster.submission.slurm import Slurm
from r1web.cluster.submission.system import SiteError
from r1web.cluster.tasks import launch
from r1web.operations.doctor.sites import submission
from r1web.runs.models import Attempt, Run, State
from r1web.runs.services import request_stop
from r1web.settings.submission import Submission
from tests.r1web.cluster import fake_slurm
from tests.r1web.cluster.conftest import database_url, end_processes
from tests.r1web.cluster.fake_trainer import STEPS
from tests.r1web.cluster.test_supervisor import NEVER_AGAIN, has_started, state_of, steps_of
from tests.r1web.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

MakeRun = Callable[..., Run]
TEMPLATE = """\
{% extends "slurm.sh.j2" %}
{% set environment = "ENVIRONMENT" %}
{% block options %}
#SBATCH --partition=gpu
#SBATCH --account={{ project }}
{% endblock %}
"""


class Site:
    """A SLURM with the operator's files, and what a test does to it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.environment = folder / "the site's environment"
        self.template = folder / "site.sh.j2"
        self.settings = settings
        self.state = folder / "slurm"
        self.state.mkdir()
        self.changed: dict[str, Any] = {}
        self.write_template(TEMPLATE)
        self.trains("finish")

    def write_template(self, text: str) -> None:
        self.template.write_text(text.replace("ENVIRONMENT", str(self.environment)))

    def trains(self, story: str) -> None:
        """What becomes of the trainers of jobs that are submitted from now on."""
        told = {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.r1web.cluster.settings",
            "FAKE_TRAINER": story,
        }
        lines = [f"{name}='{value}'" for name, value in told.items()]
        self.environment.write_text("\n".join(lines) + "\n")

    def becomes(self, **conf: Any) -> None:
        self.changed.update(conf)
        beside = self.state / ".conf"
        beside.write_text(json.dumps(self.changed))
        beside.replace(self.state / "conf.json")

    def job(self) -> fake_slurm.Job:
        """The only one there is, as SLURM has it."""
        (path,) = self.state.glob("job-*.json")
        return dict(json.loads(path.read_text()))

    def close(self) -> None:
        for path in self.state.glob("job-*.json"):
            job = json.loads(path.read_text())
            path.write_text(json.dumps({**job, "state": "CANCELLED"}))
            if "batch" in job:
                fake_slurm.end_now(job["batch"])


@pytest.fixture
def slurm(
    transactional_db: None,
    home: Path,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    site = Site(tmp_path, settings)
    settings.R1WEB_SUBMIT = Submission(to="slurm", template=site.template, cpus_per_node=4)
    settings.R1WEB_NODE_NAME = "slurm"
    settings.R1WEB_CPU_SLOTS = 1
    fake_slurm.install(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(site.state))
    services.register_nodes()
    yield site
    site.close()
    end_processes()


def start(run: Run) -> Attempt:
    (attempt,) = services.schedule()
    assert attempt.run == run
    launch(attempt.pk)
    return attempt


def looked(seen: Callable[[], Any]) -> Any:
    """What `seen` gives once the worker has looked after its jobs so often."""
    return until(lambda: look_after_jobs() or seen())


def reason_of(run: Run) -> str:
    return Run.objects.get(pk=run.pk).reason


def test_a_run_is_submitted_waits_in_slurms_queue_and_trains(
    slurm: Site, make_run: MakeRun
) -> None:
    slurm.becomes(full=True)
    run = make_run(name="sums'; touch /tmp/never #")
    attempt = start(run)
    key = slurm.job()["key"]
    assert reason_of(run) == f"Submitted to SLURM as job {key}."
    look_after_jobs()
    assert reason_of(run) == f"Waiting in SLURM job {key}: Priority."
    services.reconcile()
    assert state_of(run) == State.STARTING
    slurm.becomes(full=False)
    assert looked(lambda: state_of(run) == State.FINISHED)
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.FINISHED, f"All {STEPS} steps done.")
    assert steps_of(run) == [1, 2, 3, 4, 5]
    assert not Lease.objects.filter(released_at=None).exists()
    states = list(run.transitions.values_list("to_state", flat=True))
    assert states == ["queued", "starting", "starting", "running", "finished"]
    looked(lambda: Job.objects.get().over_at)
    script = (slurm.folder / "runs" / run.directory_name / "submission-1.sh").read_text()
    assert "touch" not in script
    assert "#SBATCH --account=sums" in script
    assert attempt.node is not None
    assert (attempt.node.kind, attempt.node.labels) == ("slurm", ["slurm"])


def test_a_run_that_waits_for_days_is_not_lost(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    run = make_run()
    attempt = start(run)
    Attempt.objects.filter(pk=attempt.pk).update(claimed_at="2020-01-01T00:00:00Z")
    services.reconcile()
    assert state_of(run) == State.STARTING


def test_stopping_a_run_that_waits_there_cancels_its_job(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    run = make_run()
    start(run)
    request_stop(run=run, actor="olga")
    looked(lambda: state_of(run) == State.STOPPED)
    assert reason_of(run) == "Stopped before it started."
    assert slurm.job()["state"] == "CANCELLED"
    assert not Lease.objects.filter(released_at=None).exists()


def test_stopping_a_run_that_trains_lets_it_save(slurm: Site, make_run: MakeRun) -> None:
    slurm.trains("wait")
    run = make_run()
    start(run)
    looked(lambda: has_started(run))
    request_stop(run=run, actor="olga")
    looked(lambda: state_of(run) == State.STOPPED)
    assert reason_of(run) == "Stopped at step 1."
    until(lambda: slurm.job()["state"] == "COMPLETED")


def test_at_the_time_limit_the_run_saves_and_is_queued_again(
    slurm: Site, make_run: MakeRun
) -> None:
    slurm.trains("wait")
    run = make_run()
    start(run)
    looked(lambda: has_started(run))
    assert slurm.job()["asked"]["signal"].startswith("TERM@")
    slurm.becomes(time_limit_s=60)  # within the warning
    looked(lambda: state_of(run) == State.QUEUED)
    assert "Goes on by itself from step 1" in reason_of(run)
    until(lambda: slurm.job()["state"] == "COMPLETED")


def test_a_job_that_is_cut_off_at_its_limit_goes_on_from_its_checkpoint(
    slurm: Site, make_run: MakeRun
) -> None:
    slurm.trains("stubborn")
    run = make_run()
    start(run)
    looked(lambda: has_started(run))
    slurm.becomes(time_limit_s=0, kill_wait_s=0)
    looked(lambda: state_of(run) == State.QUEUED)
    key = slurm.job()["key"]
    assert f"SLURM job {key} reached its time limit." in reason_of(run)


def test_a_job_killed_with_its_supervisor_is_noticed_and_its_journal_kept(
    slurm: Site, make_run: MakeRun
) -> None:
    slurm.trains("wait")
    run = make_run(**NEVER_AGAIN)
    start(run)
    looked(lambda: has_started(run))
    fake_slurm.end_now(slurm.job()["batch"])
    looked(lambda: state_of(run) == State.FAILED)
    assert re.fullmatch(r"SLURM job \d+ failed \(.*\)\.", reason_of(run))
    assert steps_of(run) == [1]
    assert not Lease.objects.filter(released_at=None).exists()


@pytest.mark.parametrize("state", ["NODE_FAIL", "PREEMPTED"])
def test_a_job_that_is_taken_away_goes_on_by_itself(
    slurm: Site, make_run: MakeRun, state: str
) -> None:
    slurm.trains("wait")
    run = make_run()
    start(run)
    looked(lambda: has_started(run))
    job = slurm.job()
    (slurm.state / f"job-{job['key']}.json").write_text(json.dumps({**job, "state": state}))
    fake_slurm.end_now(job["batch"])
    looked(lambda: state_of(run) == State.QUEUED)
    assert reason_of(run).startswith(f"SLURM job {job['key']} was ")


def test_a_job_without_enough_memory_fails_the_run(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    run = make_run(**NEVER_AGAIN)
    start(run)
    job = slurm.job()
    ended = {**job, "state": "OUT_OF_MEMORY"}
    (slurm.state / f"job-{job['key']}.json").write_text(json.dumps(ended))
    looked(lambda: state_of(run) == State.FAILED)
    assert reason_of(run) == f"SLURM job {job['key']} was killed because it ran out of memory."


def test_a_script_that_cannot_start_fails_with_what_it_wrote(
    slurm: Site, make_run: MakeRun
) -> None:
    slurm.environment.unlink()
    run = make_run(**NEVER_AGAIN)
    attempt = start(run)
    looked(lambda: state_of(run) == State.FAILED)
    attempt.refresh_from_db()
    assert "No such file or directory" in attempt.reason


def test_what_squeue_has_forgotten_is_asked_of_sacct(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    run = make_run()
    start(run)
    job = slurm.job()
    (slurm.state / f"job-{job['key']}.json").write_text(json.dumps({**job, "state": "CANCELLED"}))
    slurm.becomes(remembers=False)
    looked(lambda: state_of(run) == State.QUEUED)
    assert reason_of(run).startswith(f"SLURM job {job['key']} was cancelled outside of r1web.")


def test_a_job_that_nobody_knows_any_more_is_gone(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    run = make_run()
    start(run)
    (path,) = slurm.state.glob("job-*.json")
    path.unlink()
    slurm.becomes(accounting=False)
    looked(lambda: state_of(run) == State.QUEUED)
    assert "is no longer known there." in reason_of(run)


def test_what_sbatch_refuses_is_told_and_goes_once_it_is_mended(
    slurm: Site, make_run: MakeRun
) -> None:
    slurm.write_template(TEMPLATE.replace("=gpu", "=gpuu"))
    run = make_run()
    start(run)
    assert "invalid partition specified: gpuu" in reason_of(run)
    assert state_of(run) == State.STARTING
    slurm.write_template(TEMPLATE)
    look_after_jobs()
    assert not list(slurm.state.glob("job-*.json"))  # not before the pause is over
    Job.objects.update(try_at="2020-01-01T00:00:00Z")
    looked(lambda: state_of(run) == State.FINISHED)


def test_a_template_that_lacks_something_says_what(slurm: Site, make_run: MakeRun) -> None:
    slurm.write_template('{% extends "slurm.sh.j2" %}')
    run = make_run()
    start(run)
    assert "'environment' is undefined" in reason_of(run)
    request_stop(run=run, actor="olga")
    Job.objects.update(try_at="2020-01-01T00:00:00Z")
    looked(lambda: state_of(run) == State.STOPPED)


def test_a_job_whose_submission_was_not_answered_is_found_by_its_name(
    slurm: Site, make_run: MakeRun
) -> None:
    slurm.becomes(silent_after_submit=True, full=True)
    run = make_run()
    start(run)
    assert "Socket timed out" in reason_of(run)
    Job.objects.update(try_at="2020-01-01T00:00:00Z")
    look_after_jobs()
    assert slurm.job()["key"] in Job.objects.get().key  # there is only one


def test_a_worker_that_died_before_submitting_submits_when_it_is_back(
    slurm: Site, make_run: MakeRun
) -> None:
    run = make_run()
    (attempt,) = services.schedule()
    assert services.claim(attempt_id=attempt.pk)
    Attempt.objects.filter(pk=attempt.pk).update(claimed_at="2020-01-01T00:00:00Z")
    looked(lambda: state_of(run) == State.FINISHED)
    assert slurm.job()["state"] in {"RUNNING", "COMPLETED"}


def test_a_slurm_that_is_away_changes_nothing(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    run = make_run()
    start(run)
    slurm.becomes(down=True)
    with pytest.raises(SiteError, match="Unable to contact slurm controller"):
        look_after_jobs()
    assert state_of(run) == State.STARTING
    slurm.becomes(down=False, full=False)
    looked(lambda: state_of(run) == State.FINISHED)


def test_nodes_are_so_many_as_the_worker_may_use(slurm: Site, settings: Settings) -> None:
    settings.R1WEB_SUBMIT = Submission(
        to="slurm", template=slurm.template, nodes=3, gpus_per_node=8, gpu_model="NVIDIA H200",
        gpu_memory_gb=141, native_fp8=True, cpus_per_node=96,
    )  # fmt: skip
    services.register_nodes()
    nodes = Node.objects.filter(kind="slurm")
    assert [node.name for node in nodes] == ["slurm-1", "slurm-2", "slurm-3"]
    assert {node.queue for node in nodes} == {"node.slurm"}
    assert [node.devices.count() for node in nodes] == [8, 8, 8]
    device = nodes[2].devices.all()[0]
    assert (device.model, device.memory_bytes) == ("NVIDIA H200", 141 * 10**9)


def test_a_script_is_one_that_bash_and_sbatch_take(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    run = make_run()
    start(run)
    script = slurm.folder / "runs" / run.directory_name / "submission-1.sh"
    said = Slurm().check(script)
    assert re.match(r"Job \d+ to start at .* in partition gpu", said)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("#SBATCH --partitoin=gpu", "unrecognized option '--partitoin=gpu'"),
        ("#SBATCH --time=long", "Invalid --time specification"),
        ("#SBATCH --nodes=some", '"some" is not a valid node count'),
        ("#SBATCH --partition=gpuu", "invalid partition specified: gpuu"),
        ("if true; then", "syntax error: unexpected end of file"),
    ],
)
def test_a_script_with_a_mistake_is_refused_with_it(
    slurm: Site, make_run: MakeRun, line: str, sentence: str
) -> None:
    slurm.becomes(full=True)
    run = make_run()
    start(run)
    script = slurm.folder / "runs" / run.directory_name / "submission-1.sh"
    script.write_text(script.read_text().replace("#SBATCH --partition=gpu", line))
    with pytest.raises(SiteError, match=re.escape(sentence)):
        Slurm().check(script)


def test_the_operator_sees_what_would_be_submitted(slurm: Site, make_run: MakeRun) -> None:
    run = make_run()
    said, heard = StringIO(), StringIO()
    call_command("submission", str(run.pk), "--check", stdout=said, stderr=heard)
    assert f"#SBATCH --job-name=r1web-{run.pk}-1-preview" in said.getvalue()
    assert "in partition gpu" in heard.getvalue()
    assert not list(slurm.state.glob("job-*.json"))
    slurm.write_template(TEMPLATE.replace("=gpu", "=gpuu"))
    with pytest.raises(CommandError, match="invalid partition specified: gpuu"):
        call_command("submission", str(run.pk), "--check")


def test_doctor_tries_an_example(slurm: Site) -> None:
    taken, rights = submission()
    assert (taken.level, rights.level) == ("ok", "ok")
    slurm.write_template('{% extends "slurm.sh.j2" %}')
    (refused,) = submission()
    assert refused.level == "fail"
    assert "'environment' is undefined" in refused.detail


def test_a_run_stopped_before_it_was_ever_handed_in_has_stopped(
    slurm: Site, make_run: MakeRun
) -> None:
    run = make_run()
    (attempt,) = services.schedule()
    assert services.claim(attempt_id=attempt.pk)
    Attempt.objects.filter(pk=attempt.pk).update(claimed_at="2020-01-01T00:00:00Z")
    request_stop(run=run, actor="olga")
    looked(lambda: state_of(run) == State.STOPPED)
    assert not list(slurm.state.glob("job-*.json"))


def test_waiting_there_costs_nothing(slurm: Site, make_run: MakeRun) -> None:
    slurm.becomes(full=True)
    slurm.trains("wait")
    run = make_run()
    attempt = start(run)
    Lease.objects.filter(attempt=attempt).update(created_at="2020-01-01T00:00:00Z")
    slurm.becomes(full=False)
    looked(lambda: has_started(run))
    assert Lease.objects.get(attempt=attempt).created_at.year > 2020


TWO_NODES = {"hardware": {"nodes": 2, "processes": 2, "device": "cpu"}}


@pytest.fixture
def two_nodes(slurm: Site, settings: Settings) -> Site:
    """As many of its own may be used, and their addresses are this machine's."""
    settings.R1WEB_SUBMIT = replace(settings.R1WEB_SUBMIT, nodes=2)
    services.register_nodes()
    slurm.becomes(host="127.0.0.1")
    slurm.trains("wait")
    return slurm


def test_one_job_is_all_nodes_of_a_run(two_nodes: Site, make_run: MakeRun) -> None:
    run = make_run(overrides=TWO_NODES)
    attempt = start(run)
    assert two_nodes.job()["asked"]["nodes"] == "2"
    follower = attempt.followers.get()
    services.reconcile()
    looked(lambda: has_started(run) and attempt.followers.exclude(launcher_pid=None))
    for rank, part in enumerate((attempt, follower)):
        part.refresh_from_db()
        assert part.launcher_pid is not None
        words = psutil.Process(part.launcher_pid).cmdline()
        flags = dict(zip(words[2::2], words[3::2], strict=True))
        assert (flags["--nodes"], flags["--node-rank"]) == ("2", str(rank))
        assert flags["--master-addr"] == "127.0.0.1"
    request_stop(run=run, actor="olga")
    looked(lambda: state_of(run) == State.STOPPED)
    assert reason_of(run) == "Stopped at step 1."
    looked(lambda: not Lease.objects.filter(released_at=None).exists())
    follower.refresh_from_db()
    assert follower.exit_code == 0


def test_a_job_of_two_nodes_that_is_killed_leaves_nothing_open(
    two_nodes: Site, make_run: MakeRun
) -> None:
    run = make_run(overrides={**TWO_NODES, **NEVER_AGAIN["overrides"]})
    attempt = start(run)
    looked(lambda: has_started(run) and attempt.followers.exclude(launcher_pid=None))
    fake_slurm.end_now(two_nodes.job()["batch"])
    looked(lambda: state_of(run) == State.FAILED)
    looked(lambda: not attempt.followers.filter(ended_at=None).exists())
    assert not Lease.objects.filter(released_at=None).exists()
