"""What is read about runs. Every list starts from what the asking user may see."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Prefetch, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from r1web.accounts.models import Membership, Project, User
from r1web.accounts.selectors import CHANGERS
from r1web.errors import ForbiddenError, NotFoundError
from r1web.live.messages import event_out
from r1web.runs.models import ENDED, Attempt, Checkpoint, Event, Run, State, Transition
from r1web.runs.schemas import (
    AttemptOut,
    CheckpointOut,
    EventList,
    LogTail,
    ParentRef,
    Permissions,
    RunDetail,
    RunRow,
    TransitionOut,
    UserRef,
)
from training.config import ConfigError, resolve

SHOWN_NUMBERS = {
    "reward": "reward/mean",
    "pass_at_1": "eval/pass_at_1",
    "tokens_per_s": "perf/tokens_per_s",
}


def visible_runs(user: User) -> QuerySet[Run]:
    """Runs of the user's projects, without deleted ones."""
    return Run.objects.filter(project__memberships__user=user, deleted_at=None)


def filtered(
    runs: QuerySet[Run],
    *,
    state: Sequence[str] = (),
    name: str = "",
    preset: str = "",
    owner: str = "",
    tag: str = "",
    project: str = "",
    q: str = "",
) -> QuerySet[Run]:
    """Narrowed by what is given; text is looked for without regard to case."""
    if state:
        runs = runs.filter(state__in=state)
    exact = {"preset": preset, "owner__username": owner, "project__slug": project}
    runs = runs.filter(**{field: value for field, value in exact.items() if value})
    if tag or q:
        runs = runs.alias(tags_text=Cast("tags", TextField()))
    if name:
        runs = runs.filter(name__icontains=name)
    if tag:
        runs = runs.filter(_tagged(tag))
    if q:
        anywhere = Q(name__icontains=q) | Q(preset__icontains=q) | Q(owner__username__icontains=q)
        runs = runs.filter(anywhere | _tagged(q))
    return runs


def visible_run(user: User, run_id: int) -> Run:
    """A run the user may see. Raises NotFoundError for any other."""
    run = visible_runs(user).select_related("project", "owner").filter(pk=run_id).first()
    if run is None:
        raise _no_such_run(run_id)
    return run


def changeable_run(user: User, run_id: int) -> Run:
    """A run the user may change. Raises NotFoundError, or ForbiddenError for a viewer."""
    run = visible_run(user, run_id)
    if not may_change(user, run.project):
        raise ForbiddenError(f"You may look at runs of “{run.project}”, but not change them.")
    return run


def may_change(user: User, project: Project) -> bool:
    return Membership.objects.filter(user=user, project=project, role__in=CHANGERS).exists()


def project_for_new_run(user: User, slug: str | None) -> Project:
    """The named project, or the first the user may add runs to. Raises NotFound or Forbidden."""
    memberships = Membership.objects.filter(user=user).select_related("project")
    if slug is not None:
        memberships = memberships.filter(project__slug=slug)
    found = list(memberships.order_by("project_id"))
    if slug is not None and not found:
        raise NotFoundError(f"There is no project “{slug[:60]}” that you may see.", path="project")
    changeable = [membership.project for membership in found if membership.role in CHANGERS]
    if not changeable:
        raise ForbiddenError("You may not start runs here: ask an owner of the project.")
    return changeable[0]


def visible_checkpoint(user: User, checkpoint_id: int) -> Checkpoint:
    """A checkpoint of a run the user may see. Raises NotFoundError at the field "checkpoint"."""
    found = Checkpoint.objects.select_related("run").filter(
        pk=checkpoint_id, run__in=visible_runs(user)
    )
    checkpoint = found.first()
    if checkpoint is None:
        raise NotFoundError(
            f"There is no checkpoint {checkpoint_id} that you may see.", path="checkpoint"
        )
    return checkpoint


def newest_checkpoint(run: Run) -> Checkpoint | None:
    return run.checkpoints.filter(deleted_at=None).order_by("-id").first()


def open_attempt(run: Run) -> Attempt | None:
    return run.attempts.filter(ended_at=None).first()


def with_row_relations(runs: QuerySet[Run]) -> QuerySet[Run]:
    """What `run_row` reads, in one query more than the runs themselves."""
    attempts = Attempt.objects.select_related("node").annotate(devices=Count("leases"))
    return runs.select_related("project", "owner", "parent").prefetch_related(
        Prefetch("attempts", queryset=attempts)
    )


def run_rows(user: User, run_ids: Iterable[int]) -> list[RunRow]:
    """Rows of those of `run_ids` that the user may see, newest first."""
    runs = visible_runs(user).filter(pk__in=list(run_ids)).order_by("-pk")
    return [run_row(run) for run in with_row_relations(runs)]


def run_row(run: Run) -> RunRow:
    """A line of the list; `run` comes from `with_row_relations`."""
    now = timezone.now()
    attempts = list(run.attempts.all())
    seconds = [_seconds(attempt, now) for attempt in attempts]
    device_hours = [s * _devices(a) / 3600 for a, s in zip(attempts, seconds, strict=True)]
    prices = [float(a.node.price_per_device_hour) if a.node else 0.0 for a in attempts]
    numbers = {key: run.summary.get(name) for key, name in SHOWN_NUMBERS.items()}
    return RunRow(
        id=run.pk,
        project=run.project.slug,
        name=run.name,
        preset=run.preset,
        tags=run.tags,
        state=run.state,
        desired=run.desired,
        reason=run.reason,
        queue_reason=run.reason if run.state == State.QUEUED else "",
        priority=run.priority,
        step=run.last_step,
        total_steps=run.total_steps,
        sparkline=run.summary.get("sparkline", []),
        duration_s=sum(seconds),
        eta_s=_eta(run, attempts[-1], now) if attempts else None,
        device_hours=sum(device_hours),
        cost_usd=sum(h * price for h, price in zip(device_hours, prices, strict=True)),
        owner=UserRef(id=run.owner_id, username=run.owner.username),
        parent=_parent(run),
        last_seq=run.last_seq,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        **numbers,
    )


def run_detail(user: User, run_id: int) -> RunDetail:
    """Everything about one run. Raises NotFoundError."""
    found = with_row_relations(visible_runs(user)).select_related("start_checkpoint__attempt")
    run = found.filter(pk=run_id).first()
    if run is None:
        raise _no_such_run(run_id)
    return RunDetail(
        **run_row(run).model_dump(),
        config=run.config,
        overrides=run.overrides,
        preset_config=_preset_config(run.preset),
        digest=run.digest,
        start_checkpoint=checkpoint_out(run.start_checkpoint) if run.start_checkpoint else None,
        attempts=[attempt_out(attempt) for attempt in run.attempts.all()],
        summary={key: value for key, value in run.summary.items() if key != "sparkline"},
        permissions=permissions(run, user),
    )


def permissions(run: Run, user: User) -> Permissions:
    change = may_change(user, run.project)
    ended = run.state in ENDED
    return Permissions(
        change=change,
        stop=change and not ended and run.desired == "running",
        resume=change and ended and run.last_step < run.total_steps,
        fork=change and newest_checkpoint(run) is not None,
        delete=change and ended,
    )


def attempt_out(attempt: Attempt) -> AttemptOut:
    return AttemptOut(
        number=attempt.number,
        node=attempt.node.name if attempt.node else None,
        start_step=attempt.start_step,
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


def events_after(run: Run, after_seq: int, limit: int) -> EventList:
    """At most `limit` events after that number, in order."""
    after = Event.objects.filter(run=run, seq__gt=after_seq).select_related("attempt")
    items = [event_out(event) for event in after.order_by("seq")[:limit]]
    return EventList(items=items, last_seq=max([run.last_seq, *(item.seq for item in items)]))


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


def _tagged(tag: str) -> Q:
    """Runs with exactly this tag, in a list that `filtered` reads as text.

    SQLite has no `contains` for JSON, and keeps other letters than ASCII escaped; PostgreSQL not.
    """
    escaped, plain = json.dumps(tag), json.dumps(tag, ensure_ascii=False)
    return Q(tags_text__icontains=escaped) | Q(tags_text__icontains=plain)


def _no_such_run(run_id: int) -> NotFoundError:
    return NotFoundError(f"There is no run {run_id} that you may see.")


def _seconds(attempt: Attempt, now: datetime) -> float:
    if attempt.started_at is None:
        return 0.0
    return max(0.0, ((attempt.ended_at or now) - attempt.started_at).total_seconds())


def _devices(attempt: Attempt) -> int:
    leased: int = attempt.devices  # type: ignore[attr-defined]  # annotated in with_row_relations
    return leased


def _eta(run: Run, attempt: Attempt, now: datetime) -> float | None:
    done = run.last_step - attempt.start_step
    if run.state != State.RUNNING or done <= 0:
        return None
    return _seconds(attempt, now) / done * (run.total_steps - run.last_step)


def _parent(run: Run) -> ParentRef | None:
    if run.parent is None or run.parent.deleted_at is not None:
        return None
    return ParentRef(id=run.parent.pk, name=run.parent.name, step=run.parent_step)


def _preset_config(preset: str) -> dict[str, Any] | None:
    try:
        return resolve(preset, {}).as_json() if preset else None
    except ConfigError:
        return None  # the preset was removed since; the run's own config is frozen
