"""The same on a real SLURM, where its programs are installed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from r1web.cluster import services
from r1web.cluster.models import Job, Lease
from r1web.runs.models import Attempt, State
from r1web.runs.selectors import run_directory
from r1web.runs.services import request_stop
from r1web.settings.submission import Submission
from tests.r1web.cluster.conftest import database_url, end_processes
from tests.r1web.cluster.real_slurm import RealSlurm, why_no_slurm
from tests.r1web.cluster.test_slurm import TWO_NODES, MakeRun, looked, reason_of, start
from tests.r1web.cluster.test_supervisor import has_started, state_of
from tests.r1web.waiting import until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(why_no_slurm()), reason=why_no_slurm()),
]

TEMPLATE = """\
{% extends "slurm.sh.j2" %}
{% set environment = "ENVIRONMENT" %}
{% block options %}
#SBATCH --partition=gpu
#SBATCH --time=TIME
{% endblock %}
{% block leader %}
scontrol show hostnames "$SLURM_JOB_NODELIST"
export R1WEB_LEADER=127.0.0.1  # both nodes are this machine
{% endblock %}
"""


class Site:
    def __init__(self, folder: Path) -> None:
        self.environment = folder / "the site's environment"
        self.template = folder / "site.sh.j2"
        self.set(story="finish", time="10")

    def set(self, *, story: str, time: str) -> None:
        """What becomes of the trainers submitted from now on, and SLURM's limit of time."""
        told = {
            "PATH": os.environ["PATH"],
            "SLURM_CONF": os.environ.get("SLURM_CONF", ""),
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.r1web.cluster.settings",
            "FAKE_TRAINER": story,
        }
        lines = [f"{name}='{value}'" for name, value in told.items()]
        self.environment.write_text("\n".join(lines) + "\n")
        template = TEMPLATE.replace("ENVIRONMENT", str(self.environment)).replace("TIME", time)
        self.template.write_text(template)


@pytest.fixture
def site(
    transactional_db: None,
    home: Path,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    folder = tmp_path / "slurm"
    folder.mkdir()
    real = RealSlurm(folder)
    real.start()
    monkeypatch.setenv("SLURM_CONF", str(real.conf))
    site = Site(tmp_path)
    settings.R1WEB_SUBMIT = Submission(to="slurm", template=site.template, nodes=3)
    settings.R1WEB_NODE_NAME = "slurm"
    settings.R1WEB_CPU_SLOTS = 1
    settings.R1WEB_STOP_GRACE_S = 2
    services.register_nodes()
    yield site
    subprocess.run(["scancel", "--partition=gpu"], check=False)
    until(lambda: not subprocess.check_output(["squeue", "--noheader"]))
    end_processes()
    real.stop()


def test_runs_wait_train_and_are_cancelled(site: Site, make_run: MakeRun) -> None:
    site.set(story="wait", time="10")
    one, two, three = (make_run(name=name) for name in ("one", "two", "three"))
    for _ in range(3):
        services.schedule()
    for attempt in Attempt.objects.order_by("pk"):
        assert services.claim(attempt_id=attempt.pk)
        assert services.submit(attempt_id=attempt.pk)
    looked(lambda: has_started(one) and has_started(two))
    looked(lambda: reason_of(three).startswith("Waiting in SLURM job"))
    request_stop(run=three, actor="olga")
    looked(lambda: state_of(three) == State.STOPPED)
    request_stop(run=one, actor="olga")
    request_stop(run=two, actor="olga")
    looked(lambda: state_of(one) == state_of(two) == State.STOPPED)
    assert reason_of(one) == "Stopped at step 1."
    looked(lambda: not Job.objects.filter(over_at=None).exists())


def test_a_run_saves_before_slurms_limit_and_is_queued_again(site: Site, make_run: MakeRun) -> None:
    site.set(story="wait", time="2")  # minutes; the warning comes 62 s and up to a minute earlier
    run = make_run()
    start(run)
    looked(lambda: has_started(run))
    looked(lambda: state_of(run) == State.QUEUED)
    assert "Goes on by itself from step 1" in reason_of(run)


def test_slurm_says_what_it_does_not_like(site: Site, make_run: MakeRun) -> None:
    site.template.write_text(site.template.read_text().replace("=gpu", "=gpuu"))
    run = make_run()
    start(run)
    assert "invalid partition specified: gpuu" in reason_of(run)
    assert state_of(run) == State.STARTING


def test_one_job_runs_on_two_nodes(site: Site, make_run: MakeRun) -> None:
    site.set(story="wait", time="10")
    run = make_run(overrides=TWO_NODES)
    attempt = start(run)
    looked(lambda: has_started(run) and attempt.followers.exclude(launcher_pid=None))
    request_stop(run=run, actor="olga")
    looked(lambda: state_of(run) == State.STOPPED)
    assert reason_of(run) == "Stopped at step 1."
    looked(lambda: not Lease.objects.filter(released_at=None).exists())
    assert attempt.followers.get().exit_code == 0
    log = run_directory(run) / "submission-1.log"
    assert log.read_text().split()[:2] == ["node1", "node2"]
