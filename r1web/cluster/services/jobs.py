"""Jobs of SLURM and Kubernetes, looked after from their submission until they are over.

Only the worker whose nodes stand for the system does this; see r1web/cluster/submission.
"""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from r1web.cluster.models import Job
from r1web.cluster.services.submitting import (
    FIRST_PAUSE,
    SYSTEMS,
    named,
    note_submitted,
    submit,
    submitted_before,
    take,
    tell,
)
from r1web.cluster.submission.render import file_of
from r1web.cluster.submission.system import JobView, Phase
from r1web.ledger import services as ledger
from r1web.runs.models import Attempt, Desired, State

HEARD_WITHIN = timedelta(minutes=2)
"""A job that runs, and whose supervisor was not heard so long, has something amiss."""
LEAVES_WITHIN = timedelta(seconds=30)
"""A job that is still there so long after its attempt has ended is cancelled."""


def look_after(*, queue: str) -> list[Job]:
    """Submit what is due, ask the system about all that it has, in one question, and act on that.

    Those that are over, but whose supervisor has not ended their attempt. Raises SiteError.
    """
    _submit_due(queue)
    _end_unsubmitted(queue)
    jobs = list(_jobs(queue).filter(over_at=None).exclude(submitted_at=None))
    if jobs:
        views = SYSTEMS[jobs[0].system].look([named(job) for job in jobs])
        for job in jobs:
            _note(job, views.get(job.name))
    return list(_jobs(queue).exclude(over_at=None).filter(attempt__ended_at=None))


def log_end(job: Job) -> str:
    """The end of what the job's own script wrote."""
    system, attempt = SYSTEMS[job.system], job.attempt
    return system.log_end(job.key, file_of(attempt.run, attempt.number, system.suffix))


def _jobs(queue: str) -> QuerySet[Job]:
    return Job.objects.filter(queue=queue).select_related("attempt__run")


def _submit_due(queue: str) -> None:
    """What the launch task has not come to, or could not; see also `take`."""
    claimed = Attempt.objects.filter(node__queue=queue, ended_at=None).exclude(claimed_at=None)
    untold = claimed.filter(job__submitted_at=None)
    long_ago = timezone.now() - FIRST_PAUSE
    for attempt in untold.exclude(job=None, claimed_at__gt=long_ago):
        submit(attempt_id=attempt.pk)


def _end_unsubmitted(queue: str) -> None:
    """Who was to stop before it was submitted has stopped."""
    unsubmitted = _jobs(queue).filter(submitted_at=None, over_at=None)
    for job in unsubmitted.exclude(attempt__run__desired=Desired.RUNNING):
        if not take(job, put_off_too=True):
            continue
        if key := submitted_before(job):
            note_submitted(job, key)
        else:
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
        tell(job, f"Waiting in {job}: {view.why.rstrip('.')}.")


def _runs(job: Job, view: JobView) -> None:
    now = timezone.now()
    where = view.where or "a node"
    if job.running_at is None:
        job.running_at = now
        job.save(update_fields=["running_at"])
        # Nothing was used before: what the run costs counts from here.
        ledger.begin(attempt=job.attempt, since=now)
        tell(job, f"{job} has begun on {where}.")
    ended = job.attempt.ended_at
    if ended is not None:
        if now - ended > LEAVES_WITHIN:
            SYSTEMS[job.system].cancel(job.key, only_waiting=False)
    elif job.attempt.heartbeat_at is None and now - job.running_at > HEARD_WITHIN:
        if _not_wanted(job):
            SYSTEMS[job.system].cancel(job.key, only_waiting=False)
        tell(job, f"{job} runs on {where}, but nothing was heard of it: see its log.")


def _not_wanted(job: Job) -> bool:
    return job.attempt.ended_at is not None or job.attempt.run.desired != Desired.RUNNING


def _over(job: Job, outcome: State, why: str) -> None:
    Job.objects.filter(pk=job.pk).update(
        over_at=timezone.now(), outcome=outcome, reason=f"{job} {why.rstrip('.')}."
    )
