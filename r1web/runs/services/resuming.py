"""Going on without anybody asking: after a crash, on a lost node, when a machine is taken away.

Never twice from the same broken checkpoint: one from which an attempt failed before it had taken a
step is passed over from then on, for the one before it, and in the end for the beginning.
"""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from r1web.runs import selectors
from r1web.runs.models import Attempt, Desired, Event, Run, State
from r1web.runs.services.events import NewEvent, append_events
from r1web.runs.services.transitions import lock, transition
from training.config import ResumeConfig

ACTOR = "resume policy"
LONGEST_DELAY = timedelta(hours=1)


def may_resume(run: Run) -> bool:
    """Whether its policy lets it go on once more."""
    return run.desired == Desired.RUNNING and run.resumes < _policy(run).times


def resume_by_itself(*, run: Run, attempt: Attempt, why: str) -> bool:
    """Queue `run`, whose `attempt` has just ended for `why`, again; False: it stays as it is.

    The caller is in a transaction. What stays says in the run's stream why, unless it was stopped.
    """
    run = lock(run)
    policy = _policy(run)
    if run.desired == Desired.STOPPED or policy.times == 0:
        return False
    if refusal := _refusal(run, attempt, policy):
        _tell(run, attempt, f"{refusal} Resume it by hand once the cause is mended.")
        return False
    for checkpoint in selectors.passed_over(run):
        _tell(
            run,
            attempt,
            f"The checkpoint of step {checkpoint.step} is passed over: an attempt from it failed "
            "before it had taken a step.",
        )
    start = selectors.newest_checkpoint(run)
    step = start.step if start else 0
    run.resume_at = timezone.now() + delay(policy, run.resumes)
    run.resumes += 1
    run.resume_checkpoint, run.last_step = start, step
    run.save(update_fields=["resume_at", "resumes", "resume_checkpoint", "last_step"])
    whence = f"from step {step}" if start else "from the beginning"
    count = f"{run.resumes} of {policy.times}"
    reason = f"{why} Goes on by itself {whence} at {_clock(run.resume_at)} ({count})."
    transition(run=run, to=State.QUEUED, reason=reason, actor=ACTOR, attempt=attempt)
    return True


def shorten_pauses() -> None:
    """Nobody waits longer than its pause, even when the clock was set back meanwhile."""
    now = timezone.now()
    for run in Run.objects.filter(state=State.QUEUED, resume_at__gt=now):
        longest = now + delay(_policy(run), run.resumes - 1)
        Run.objects.filter(pk=run.pk, resume_at__gt=longest).update(resume_at=longest)


def delay(policy: ResumeConfig, earlier: int) -> timedelta:
    """The pause after so many earlier ones: twice as long each time."""
    seconds = policy.delay_s << min(earlier, 12)  # an hour of seconds
    return min(timedelta(seconds=seconds), LONGEST_DELAY)


def _policy(run: Run) -> ResumeConfig:
    return ResumeConfig.model_validate(run.config.get("resume", {}))


def _refusal(run: Run, attempt: Attempt, policy: ResumeConfig) -> str:
    if run.resumes >= policy.times:
        many = "once" if policy.times == 1 else f"{policy.times} times"
        return f"It has gone on by itself {many}, as resume.times allows."
    if attempt.outcome == State.FAILED and attempt.checkpoint_id is None and _fruitless(attempt):
        return "It failed before its first step, so it is not tried again by itself."
    return ""


def _fruitless(attempt: Attempt) -> bool:
    return not Event.objects.filter(attempt=attempt, type="metrics").exists()


def _tell(run: Run, attempt: Attempt, message: str) -> None:
    event = NewEvent("log", {"level": "warning", "message": message}, step=run.last_step)
    append_events(run=run, attempt=attempt, items=[event])


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"
