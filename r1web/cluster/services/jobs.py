"""Attempts as jobs of SLURM or Kubernetes: handed in once, looked after until they are over.

Only the worker whose nodes stand for the system does this; see r1web/cluster/submission.
"""

import logging
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from r1web.cluster.models import Job, Node
from r1web.cluster.submission.kubernetes import Kubernetes
from r1web.cluster.submission.render import file_of, render
from r1web.cluster.submission.slurm import Slurm
from r1web.cluster.submission.system import JobView, Named, Phase, SiteError, System
from r1web.runs.models import Attempt, Desired, State
from r1web.runs.services import explain, lock, lock_attempt, transition

logger = logging.getLogger(__name__)

ACTOR = "supervisor"
SYSTEMS: dict[str, System] = {Node.Kind.SLURM: Slurm(), Node.Kind.KUBERNETES: Kubernetes()}
SUBMITTED_WITHIN = timedelta(minutes=3)
"""So long nobody else tries; then whoever was at it has died."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=5)
HEARD_WITHIN = timedelta(minutes=2)
"""A job that runs, and whose supervisor was not heard so long, has something amiss."""
LEAVES_WITHIN = timedelta(seconds=30)
"""A job that is still there so long after its attempt has ended is cancelled."""


def job_of(attempt: Attempt) -> Job:
    """The attempt's job, its name chosen for good."""
    assert attempt.node is not None  # noqa: S101 - it was placed, and is to start there
    name = f"r1web-{attempt.run_id}-{attempt.number}-{secrets.token_hex(4)}"
    job, _ = Job.objects.get_or_create(
        attempt=attempt,
        defaults={"name": name, "system": attempt.node.kind, "queue": attempt.node.queue},
    )
    return job


def submit(*, attempt_id: int) -> bool:
    """Hand an attempt's job in, unless somebody has, or is at it; False: it was not taken.

    It may have been taken without our learning it: from the second try on it is looked for first.
    """
    attempt = Attempt.objects.select_related("run__project", "run__owner", "node").get(
        pk=attempt_id
    )
    job = job_of(attempt)
    job.attempt = attempt
    if not _take(job):
        return False
    try:
        key = _submitted_before(job) or _hand_in(job)
    except SiteError as error:
        _put_off(job, error)
        return False
    _note_submitted(job, key)
    return True


def look_after(*, queue: str) -> list[Job]:
    """Submit what is due, ask the system about all that it has, in one question, and act on that.

    Those that are over, but whose supervisor has not ended their attempt. Raises SiteError.
    """
    _submit_due(queue)
    _end_unsubmitted(queue)
    jobs = list(_jobs(queue).filter(over_at=None).exclude(submitted_at=None))
    if jobs:
        views = SYSTEMS[jobs[0].system].look([_named(job) for job in jobs])
        for job in jobs:
            _note(job, views.get(job.name))
    return list(_jobs(queue).exclude(over_at=None).filter(attempt__ended_at=None))


def _jobs(queue: str) -> QuerySet[Job]:
    return Job.objects.filter(queue=queue).select_related("attempt__run")


# --- handing in ---------------------------------------------------------------------------------


def _submit_due(queue: str) -> None:
    """What the launch task has not come to, or could not; see also `_take`."""
    waiting = Attempt.objects.filter(node__queue=queue, ended_at=None, run__desired=Desired.RUNNING)
    untold = waiting.exclude(claimed_at=None).filter(job__submitted_at=None)
    long_ago = timezone.now() - FIRST_PAUSE
    for attempt in untold.exclude(job=None, claimed_at__gt=long_ago):
        submit(attempt_id=attempt.pk)


def _take(job: Job) -> bool:
    """By a conditional UPDATE, so that one caller at a time submits; the next one after a while."""
    now = timezone.now()
    due = Job.objects.filter(
        pk=job.pk, submitted_at=None, over_at=None, try_at__lte=now, attempt__ended_at=None
    )
    return due.update(try_at=now + SUBMITTED_WITHIN, tries=F("tries") + 1) == 1


def _submitted_before(job: Job) -> str:
    """What the system calls a job whose submission was not answered; empty when it has none."""
    if job.tries == 0:  # as it was before this try
        return ""
    known = SYSTEMS[job.system].look([_named(job)])
    return known[job.name].key if job.name in known else ""


def _hand_in(job: Job) -> str:
    system = SYSTEMS[job.system]
    return system.submit(write_file(job, file_of(job, system.suffix)))


def write_file(job: Job, file: Path) -> Path:
    """What is submitted, laid down. Raises SiteError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(job), encoding="utf-8")
    return file


@transaction.atomic
def _put_off(job: Job, error: SiteError) -> None:
    """Try again later: the site's file, or the site, is mended sooner or later, or the run stopped.

    Nothing is failed: a mistake in the site's file would fail the whole queue, run after run.
    """
    title = SYSTEMS[job.system].title
    pause = min(FIRST_PAUSE * 2 ** min(job.tries, 8), LONGEST_PAUSE)
    again = timezone.now() + pause
    Job.objects.filter(pk=job.pk).update(try_at=again)
    logger.warning("%s did not take attempt %s: %s", title, job.attempt_id, error)
    _explain(job, f"{title} did not take it; tried again at {_clock(again)}: {error}")


@transaction.atomic
def _note_submitted(job: Job, key: str) -> None:
    attempt = lock_attempt(job.attempt_id)
    Job.objects.filter(pk=job.pk).update(key=key, submitted_at=timezone.now())
    run = lock(attempt.run)
    if run.state == State.STARTING:
        reason = f"Submitted to {SYSTEMS[job.system].title} as job {key}."
        transition(run=run, to=State.STARTING, reason=reason, actor=ACTOR, attempt=attempt)


def log_end(job: Job) -> str:
    """The end of what the job's own script wrote."""
    system = SYSTEMS[job.system]
    return system.log_end(job.key, file_of(job, system.suffix))


# --- looking after ------------------------------------------------------------------------------


def _end_unsubmitted(queue: str) -> None:
    """Who was to stop before it was submitted has stopped."""
    unsubmitted = _jobs(queue).filter(submitted_at=None, over_at=None)
    for job in unsubmitted.exclude(attempt__run__desired=Desired.RUNNING):
        if _take(job) and not _submitted_before(job):
            _over(job, State.STOPPED, "was never submitted")
    unsubmitted.exclude(attempt__ended_at=None).update(over_at=timezone.now())


def _note(job: Job, view: JobView | None) -> None:
    if view is None:
        _over(job, State.STOPPED, "is no longer known there")
    elif view.phase is Phase.OVER:
        _over(job, view.outcome, view.why)
    elif view.phase is Phase.WAITING:
        _waits(job, view)
    else:
        _runs(job, view)


def _waits(job: Job, view: JobView) -> None:
    if _not_wanted(job):
        SYSTEMS[job.system].cancel(job.key, only_waiting=True)
    elif job.reason != view.why:
        Job.objects.filter(pk=job.pk).update(reason=view.why)
        _explain(job, f"Waiting in {job}: {view.why.rstrip('.')}.")


def _runs(job: Job, view: JobView) -> None:
    now = timezone.now()
    since = job.running_at or now
    if job.running_at is None:
        Job.objects.filter(pk=job.pk).update(running_at=now)
        _explain(job, f"{job} has begun on {view.where or 'a node'}.")
    ended = job.attempt.ended_at
    if ended is not None:
        if now - ended > LEAVES_WITHIN:
            SYSTEMS[job.system].cancel(job.key, only_waiting=False)
    elif job.attempt.heartbeat_at is None and now - since > HEARD_WITHIN:
        if _not_wanted(job):
            SYSTEMS[job.system].cancel(job.key, only_waiting=False)
        _explain(job, f"{job} runs on {view.where or 'a node'}, but nothing was heard of it.")


def _not_wanted(job: Job) -> bool:
    return job.attempt.ended_at is not None or job.attempt.run.desired != Desired.RUNNING


def _over(job: Job, outcome: State, why: str) -> None:
    Job.objects.filter(pk=job.pk).update(
        over_at=timezone.now(), outcome=outcome, reason=f"{job} {why.rstrip('.')}."
    )


@transaction.atomic
def _explain(job: Job, reason: str) -> None:
    """Tell who looks at the run why it has not started, unless it is to stop."""
    attempt = lock_attempt(job.attempt_id)
    run = lock(attempt.run)
    if attempt.ended_at is None and run.state == State.STARTING and run.reason != reason:
        explain(run=run, reason=reason, actor=ACTOR, attempt=attempt)


def _named(job: Job) -> Named:
    return Named(job.name, job.key, job.created_at.timestamp())


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"
