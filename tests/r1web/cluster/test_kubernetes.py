"""Runs as jobs of Kubernetes, as in test_slurm.py; Kubernetes is fake_kubernetes.py."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from r1web.cluster import services
from r1web.cluster.agent import look_after_jobs
from r1web.cluster.models import Job, Lease
from r1web.cluster.submission.kubernetes import Kubernetes
from r1web.cluster.submission.system import SiteError
from r1web.operations.doctor.sites import submission
from r1web.runs.models import Run, State
from r1web.runs.services import request_stop
from r1web.settings.submission import Submission
from tests.r1web.cluster import fake_kubernetes
from tests.r1web.cluster.conftest import database_url, end_processes
from tests.r1web.cluster.fake_trainer import STEPS
from tests.r1web.cluster.test_slurm import looked, reason_of, start
from tests.r1web.cluster.test_supervisor import NEVER_AGAIN, has_started, state_of, steps_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

MakeRun = Callable[..., Run]
TEMPLATE = """\
{% extends "kubernetes.yaml.j2" %}
{% set image = "registry.example.org/r1web:1" %}
{% set secret = "r1web" %}
{% set claim = "r1web-data" %}
{% block job %}
activeDeadlineSeconds: 86400
{% endblock %}
{% block pod %}
nodeSelector:
  nvidia.com/gpu.product: {{ gpu_model }}
tolerations:
  - {key: nvidia.com/gpu, operator: Exists}
{% endblock %}
{% block container %}
imagePullPolicy: Always
{% endblock %}
"""


class Site:
    """A Kubernetes with the operator's files, and what a test does to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "site.yaml.j2"
        self.template.write_text(TEMPLATE)
        self.state = folder / "kubernetes"
        self.state.mkdir()
        self.changed: dict[str, Any] = {}
        self.trains("finish")

    def trains(self, story: str) -> None:
        """What becomes of the trainers of pods that are started from now on."""
        secret = {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.r1web.cluster.settings",
            "FAKE_TRAINER": story,
        }
        (self.state / "secret-r1web.json").write_text(json.dumps(secret))

    def becomes(self, **conf: Any) -> None:
        self.changed.update(conf)
        fake_kubernetes.write(self.state / "conf.json", self.changed)

    def pod(self) -> dict[str, Any]:
        (path,) = self.state.glob("pod-*.json")
        return dict(json.loads(path.read_text()))

    def happens(self, **told: Any) -> None:
        """The pod is killed, and Kubernetes tells so of it."""
        (path,) = self.state.glob("pod-*.json")
        mark = path.with_name(path.name.replace("pod-", "mark-", 1))
        mark.write_text(json.dumps(told))
        fake_kubernetes.end_now(self.pod()["pid"])

    def close(self) -> None:
        for path in self.state.glob("job-*.json"):
            path.unlink()
        for path in self.state.glob("pod-*.json"):
            if "pid" in (pod := json.loads(path.read_text())):
                fake_kubernetes.end_now(pod["pid"])


@pytest.fixture
def kubernetes(
    transactional_db: None,
    home: Path,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    site = Site(tmp_path)
    settings.R1WEB_SUBMIT = Submission(to="kubernetes", template=site.template, cpus_per_node=4)
    settings.R1WEB_NODE_NAME = "pods"
    settings.R1WEB_CPU_SLOTS = 1
    settings.R1WEB_STOP_GRACE_S = 2
    fake_kubernetes.install(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_KUBERNETES", str(site.state))
    services.register_nodes()
    yield site
    site.close()
    end_processes()


def manifest(site: Site, run: Run) -> Path:
    return site.folder / "runs" / run.directory_name / "submission-1.yaml"


def test_a_run_is_submitted_waits_for_a_node_and_trains(
    kubernetes: Site, make_run: MakeRun
) -> None:
    kubernetes.becomes(full=True)
    run = make_run(name="sums: {evil: yaml} # '")
    start(run)
    name = Job.objects.get().name
    assert reason_of(run) == f"Submitted to Kubernetes as job {name}."
    looked(lambda: "Insufficient nvidia.com/gpu" in reason_of(run))
    assert state_of(run) == State.STARTING
    kubernetes.becomes(full=False)
    looked(lambda: state_of(run) == State.FINISHED)
    assert reason_of(run) == f"All {STEPS} steps done."
    assert steps_of(run) == [1, 2, 3, 4, 5]
    assert not Lease.objects.filter(released_at=None).exists()
    looked(lambda: Job.objects.get().over_at)
    assert "evil" not in manifest(kubernetes, run).read_text()


def test_no_secret_is_written_down(kubernetes: Site, make_run: MakeRun) -> None:
    kubernetes.becomes(full=True)
    run = make_run()
    start(run)
    text = manifest(kubernetes, run).read_text()
    assert database_url() not in text
    _, job = yaml.safe_load_all(text)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "r1web"}}]


def test_an_image_that_cannot_be_pulled_is_told(kubernetes: Site, make_run: MakeRun) -> None:
    kubernetes.becomes(image="another")
    run = make_run()
    start(run)
    looked(lambda: "ImagePullBackOff" in reason_of(run))
    request_stop(run=run, actor="olga")
    looked(lambda: state_of(run) == State.STOPPED)
    assert reason_of(run) == "Stopped before it started."
    assert not list(kubernetes.state.glob("job-*.json"))


def test_stopping_a_run_that_trains_lets_it_save(kubernetes: Site, make_run: MakeRun) -> None:
    kubernetes.trains("wait")
    run = make_run()
    start(run)
    looked(lambda: has_started(run))
    request_stop(run=run, actor="olga")
    looked(lambda: state_of(run) == State.STOPPED)
    assert reason_of(run) == "Stopped at step 1."


def test_at_the_deadline_the_run_saves_and_is_queued_again(
    kubernetes: Site, make_run: MakeRun
) -> None:
    kubernetes.trains("wait")
    run = make_run()
    start(run)
    looked(lambda: has_started(run))
    kubernetes.becomes(deadline_s=0)
    looked(lambda: state_of(run) == State.QUEUED)
    assert "Goes on by itself from step 1" in reason_of(run)


@pytest.mark.parametrize(
    ("told", "outcome", "sentence"),
    [
        (
            {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
            State.FAILED,
            "was killed because it ran out of memory.",
        ),
        ({}, State.FAILED, "failed (exit code 137)."),
        (
            {
                "conditions": [
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "PreemptionByScheduler",
                    }
                ]
            },
            State.STOPPED,
            "was taken from its node: PreemptionByScheduler.",
        ),
    ],
)
def test_a_pod_that_dies_is_explained(
    kubernetes: Site, make_run: MakeRun, told: dict[str, Any], outcome: State, sentence: str
) -> None:
    kubernetes.trains("wait")
    run = make_run(**NEVER_AGAIN)
    start(run)
    looked(lambda: has_started(run))
    kubernetes.happens(**told)
    looked(lambda: state_of(run) == outcome)
    assert reason_of(run) == f"Kubernetes job {Job.objects.get().name} {sentence}"
    assert steps_of(run) == [1]


def test_a_pod_that_cannot_start_fails_with_its_log(kubernetes: Site, make_run: MakeRun) -> None:
    (kubernetes.state / "secret-r1web.json").write_text('{"DATABASE_URL": "mysql://x"}')
    run = make_run(**NEVER_AGAIN)
    attempt = start(run)
    looked(lambda: state_of(run) == State.FAILED)
    attempt.refresh_from_db()
    assert "DATABASE_URL must start with postgresql://" in attempt.reason


def test_a_job_that_somebody_deleted_goes_on_by_itself(kubernetes: Site, make_run: MakeRun) -> None:
    kubernetes.becomes(full=True)
    run = make_run()
    start(run)
    (path,) = kubernetes.state.glob("job-*.json")
    path.unlink()
    looked(lambda: state_of(run) == State.QUEUED)
    assert "is no longer known there." in reason_of(run)


def test_a_job_whose_submission_was_not_answered_is_not_made_twice(
    kubernetes: Site, make_run: MakeRun
) -> None:
    kubernetes.becomes(silent_after_apply=True, full=True)
    run = make_run()
    start(run)
    assert "Unable to connect to the server" in reason_of(run)
    kubernetes.becomes(silent_after_apply=False)
    Job.objects.update(try_at="2020-01-01T00:00:00Z")
    look_after_jobs()
    assert Job.objects.get().key == Job.objects.get().name
    assert len(list(kubernetes.state.glob("job-*.json"))) == 1


def test_a_manifest_is_one_that_kubernetes_takes(kubernetes: Site, make_run: MakeRun) -> None:
    kubernetes.becomes(full=True)
    run = make_run()
    start(run)
    said = Kubernetes().check(manifest(kubernetes, run))
    assert f"job.batch/{Job.objects.get().name} created (server dry run)" in said


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("activeDeadline: 5", "activeDeadline"),
        ("activeDeadlineSeconds: soon", "is not of type"),
        ("activeDeadlineSeconds: [", "error converting YAML to JSON"),
    ],
)
def test_a_manifest_with_a_mistake_is_told(
    kubernetes: Site, make_run: MakeRun, wrong: str, sentence: str
) -> None:
    mistaken = TEMPLATE.replace("activeDeadlineSeconds: 86400", wrong)
    kubernetes.template.write_text(mistaken)
    run = make_run()
    start(run)
    assert state_of(run) == State.STARTING
    assert re.search(sentence, reason_of(run))
    with pytest.raises(SiteError, match=re.escape(sentence)):
        Kubernetes().check(manifest(kubernetes, run))


def test_doctor_tries_an_example_and_names_missing_rights(kubernetes: Site) -> None:
    taken, rights = submission()
    assert (taken.level, rights.level) == ("ok", "ok")
    assert "created (server dry run)" in taken.detail
    kubernetes.becomes(may_not=["delete jobs.batch"])
    _, rights = submission()
    assert (rights.level, rights.detail) == ("fail", "this worker may not delete jobs.batch")
    kubernetes.becomes(down=True)
    (away,) = submission()
    assert away.level == "fail"
    assert "was refused" in away.detail
