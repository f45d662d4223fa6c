"""All about one run."""

from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from r1web.accounts.models import User
from r1web.runs.models import ENDED, Attempt, Checkpoint, Desired, Run, Transition
from r1web.runs.schemas import (
    AttemptOut,
    CheckpointOut,
    LogTail,
    Permissions,
    RunDetail,
    TransitionOut,
)
from r1web.runs.selectors.checkpoints import newest_checkpoint
from r1web.runs.selectors.rows import attempts_of_row, run_row, with_row_attempts
from r1web.runs.selectors.spending import hold, with_devices
from r1web.runs.selectors.visible import (
    may_change,
    no_such_run,
    visible_runs,
)
from training.config import ConfigError, resolve


def run_detail(user: User, run_id: int) -> RunDetail:
    """Everything about one run. Raises NotFoundError."""
    relations = ("project", "owner", "parent", "start_checkpoint__attempt")
    unread = ("parent__config", "parent__overrides", "parent__summary")
    found = visible_runs(user).select_related(*relations).defer(*unread)
    with_followers = with_devices().prefetch_related("followers__node")
    try:
        run = with_row_attempts(found, with_followers).get(pk=run_id)
    except Run.DoesNotExist as error:
        raise no_such_run(run_id) from error
    attempts = attempts_of_row(run)
    return RunDetail(
        **run_row(run).model_dump(),
        config=run.config,
        overrides=run.overrides,
        preset_config=_preset_config(run.preset),
        digest=run.digest,
        start_checkpoint=checkpoint_out(run.start_checkpoint) if run.start_checkpoint else None,
        attempts=[attempt_out(attempt) for attempt in attempts],
        summary={key: value for key, value in run.summary.items() if key != "sparkline"},
        permissions=permissions(run, user),
    )


def permissions(run: Run, user: User) -> Permissions:
    change = may_change(user, run.project)
    ended = run.state in ENDED
    ending = ended or run.desired == Desired.STOPPED
    return Permissions(
        change=change,
        stop=change and not ending,
        pause=change and not ending and not run.paused,
        resume=change and ended and run.last_step < run.total_steps,
        fork=change and newest_checkpoint(run) is not None,
        delete=change and ended,
    )


def attempt_out(attempt: Attempt) -> AttemptOut:
    """`attempt` comes from `with_devices`."""
    held = hold(attempt)
    nodes = [attempt.node, *(follower.node for follower in attempt.followers.all())]
    return AttemptOut(
        number=attempt.number,
        node=attempt.node.name if attempt.node else None,
        nodes=[node.name for node in nodes if node],
        devices=held.devices,
        usd_per_hour=held.usd_per_hour,
        start_step=attempt.start_step,
        claimed_at=attempt.claimed_at,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        heartbeat_at=attempt.heartbeat_at,
        phase=attempt.phase,
        exit_code=attempt.exit_code,
        outcome=attempt.outcome,
        reason=attempt.reason,
    )


def checkpoint_out(checkpoint: Checkpoint) -> CheckpointOut:
    return CheckpointOut(
        id=checkpoint.pk,
        run=checkpoint.run_id,
        attempt=checkpoint.attempt.number if checkpoint.attempt else None,
        step=checkpoint.step,
        path=checkpoint.path,
        bytes=checkpoint.bytes,
        reason=checkpoint.reason,
        created_at=checkpoint.created_at,
        deleted_at=checkpoint.deleted_at,
    )


def transition_out(transition: Transition) -> TransitionOut:
    return TransitionOut(
        from_state=transition.from_state,
        to_state=transition.to_state,
        reason=transition.reason,
        actor=transition.actor,
        attempt=transition.attempt.number if transition.attempt else None,
        at=transition.at,
    )


def run_directory(run: Run) -> Path:
    directory: Path = settings.R1WEB_RUNS_DIR / run.directory_name
    return directory


def log_tail(run: Run, offset: int | None, limit: int) -> LogTail:
    """At most `limit` bytes of the trainer's log from `offset`, or its last ones."""
    path = run_directory(run) / "trainer.log"
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            begin = max(0, size - limit) if offset is None else min(offset, size)
            file.seek(begin)
            piece = file.read(limit)
    except FileNotFoundError:
        return LogTail(text="", offset=0, next_offset=0, size=0)
    text = piece.decode("utf-8", errors="replace")
    return LogTail(text=text, offset=begin, next_offset=begin + len(piece), size=size)


@cache
def _preset_config(preset: str) -> dict[str, Any] | None:
    try:
        return resolve(preset, {}).as_json() if preset else None
    except ConfigError:
        return None  # the preset was removed since; the run's own config is frozen
