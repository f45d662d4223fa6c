"""Handing an attempt in as a job of SLURM or Kubernetes, once; and trying without handing in."""

import logging
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.cluster.models import Job, Node
from r1web.cluster.submission.kubernetes import Kubernetes
from r1web.cluster.submission.render import file_of, render
from r1web.cluster.submission.slurm import Slurm
from r1web.cluster.submission.system import Named, SiteError, System
from r1web.runs.models import Attempt, Desired, Run, State
from r1web.runs.services import explain, lock, lock_attempt, transition

logger = logging.getLogger(__name__)

ACTOR = "supervisor"
SYSTEMS: dict[str, System] = {Node.Kind.SLURM: Slurm(), Node.Kind.KUBERNETES: Kubernetes()}
SUBMITTED_WITHIN = timedelta(minutes=3)
"""So long nobody else tries; then whoever was at it has died."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=5)


def submit(*, attempt_id: int) -> bool:
    """Hand an attempt's job in, unless somebody has, or is at it; False: it was not taken.

    It may have been taken without our learning it: from the second try on it is looked for first.
    """
    attempt = Attempt.objects.select_related("run__project", "run__owner", "node").get(
        pk=attempt_id
    )
    job = _job_of(attempt)
    if attempt.run.desired != Desired.RUNNING or not take(job):
        return False
    try:
        key = submitted_before(job) or _hand_in(job, attempt)
    except SiteError as error:
        _put_off(job, error)
        return False
    note_submitted(job, key)
    return True


def take(job: Job, *, put_off_too: bool = False) -> bool:
    """By a conditional UPDATE, so that one caller at a time submits; the next one after a while.

    One that was put off has a reason; whoever is at it has cleared that.
    """
    now = timezone.now()
    due = Q(try_at__lte=now) | (~Q(reason="") if put_off_too else Q())
    unsubmitted = Job.objects.filter(due, pk=job.pk, submitted_at=None, over_at=None)
    taken = unsubmitted.filter(attempt__ended_at=None).update(
        try_at=now + SUBMITTED_WITHIN, tries=F("tries") + 1, reason=""
    )
    return taken == 1


def submitted_before(job: Job) -> str:
    """What the system calls a job whose submission was not answered; empty when it has none."""
    if job.tries == 0:  # as it was before this try
        return ""
    known = SYSTEMS[job.system].look([named(job)])
    return known[job.name].key if job.name in known else ""


@transaction.atomic
def note_submitted(job: Job, key: str) -> None:
    attempt = lock_attempt(job.attempt_id)
    Job.objects.filter(pk=job.pk).update(key=key, submitted_at=timezone.now())
    run = lock(attempt.run)
    if run.state == State.STARTING:
        reason = f"Submitted to {SYSTEMS[job.system].title} as job {key}."
        transition(run=run, to=State.STARTING, reason=reason, actor=ACTOR, attempt=attempt)


def named(job: Job) -> Named:
    return Named(job.name, job.key, job.created_at.timestamp())


@transaction.atomic
def tell(job: Job, reason: str) -> None:
    """Say to who looks at the run why it has not started, unless it is to stop."""
    attempt = lock_attempt(job.attempt_id)
    run = lock(attempt.run)
    if attempt.ended_at is None and run.state == State.STARTING and run.reason != reason:
        explain(run=run, reason=reason, actor=ACTOR, attempt=attempt)


def preview(run: Run) -> str:
    """What its next attempt would be submitted as. Raises SiteError."""
    number = run.attempts.count() + 1 if run.pk else 1
    return render(run, name=f"r1web-{run.pk}-{number}-preview", attempt=0, number=number)


def example() -> str:
    """What a run that takes one whole node would be submitted as. Raises SiteError."""
    processes = max(1, settings.R1WEB_SUBMIT.gpus_per_node)
    run = Run(
        pk=1,
        project=Project(slug="example"),
        owner=User(username="example"),
        config={"hardware": {"processes": processes}},
    )
    return render(run, name="r1web-1-1-example", attempt=0, number=1)


def try_out(text: str) -> str:
    """What the site's system says to a script or manifest without taking it. Raises SiteError."""
    system = SYSTEMS[settings.R1WEB_SUBMIT.to]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"submission{system.suffix}"
        file.write_text(text, encoding="utf-8")
        return system.check(file)


def missing_rights() -> list[str]:
    """What this worker has to do at its site and may not. Raises SiteError."""
    return SYSTEMS[settings.R1WEB_SUBMIT.to].missing_rights()


def _job_of(attempt: Attempt) -> Job:
    """The attempt's job, its name chosen for good."""
    assert attempt.node is not None  # noqa: S101 - it was placed, and is to start there
    name = f"r1web-{attempt.run_id}-{attempt.number}-{secrets.token_hex(4)}"
    job, _ = Job.objects.get_or_create(
        attempt=attempt,
        defaults={"name": name, "system": attempt.node.kind, "queue": attempt.node.queue},
    )
    return job


def _hand_in(job: Job, attempt: Attempt) -> str:
    system = SYSTEMS[job.system]
    file = file_of(attempt.run, attempt.number, system.suffix)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = render(attempt.run, name=job.name, attempt=attempt.pk, number=attempt.number)
    file.write_text(text, encoding="utf-8")
    return system.submit(file)


@transaction.atomic
def _put_off(job: Job, error: SiteError) -> None:
    """Try again later: the site's file, or the site, is mended sooner or later, or the run stopped.

    Nothing is failed: a mistake in the site's file would fail the whole queue, run after run.
    """
    title = SYSTEMS[job.system].title
    pause = min(FIRST_PAUSE * 2 ** min(job.tries, 8), LONGEST_PAUSE)
    again = timezone.now() + pause
    Job.objects.filter(pk=job.pk).update(try_at=again, reason=str(error))
    logger.warning("%s did not take attempt %s: %s", title, job.attempt_id, error)
    tell(job, f"{title} did not take it; tried again at {_clock(again)}: {error}")


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"
