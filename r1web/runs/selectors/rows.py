"""One line a run: for the list, and for the live stream of the list."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from r1web.runs.models import Attempt, Run, State
from r1web.runs.pace import seconds_left
from r1web.runs.schemas import ParentRef, RunRow, UserRef
from r1web.runs.selectors.spending import seconds_held, spent, with_devices
from r1web.runs.selectors.values import SHOWN_NUMBERS

OF_RUN = (
    *("id", "name", "preset", "tags", "state", "desired", "reason", "priority", "preemptible"),
    *("paused", "resume_at", "total_steps", "last_step", "last_seq", "summary", "parent_step"),
    *("created_at", "started_at", "ended_at", "project__slug", "owner__username"),
    *("parent__name", "parent__deleted_at"),
)
"""A field that a row reads and that is not here would be read by a query for each row."""
OF_ATTEMPT = ("run_id", "number", "start_step", "claimed_at", "started_at", "ended_at")


def with_row_relations(runs: QuerySet[Run]) -> QuerySet[Run]:
    """What `run_row` reads and no more, in one query besides that of the runs themselves."""
    of_row = runs.select_related("project", "owner", "parent").only(*OF_RUN)
    return with_row_attempts(of_row, _attempts())


def with_values(runs: QuerySet[Run]) -> QuerySet[Run]:
    """What `values_of` reads and no more, likewise."""
    return with_row_attempts(runs.only("summary", "last_step"), _attempts())


def _attempts() -> QuerySet[Attempt]:
    return with_devices().select_related(None).only(*OF_ATTEMPT)


def with_row_attempts(runs: QuerySet[Run], attempts: QuerySet[Attempt]) -> QuerySet[Run]:
    """Those that `run_row` reads, which come from `with_devices`.

    As plain lists: to clone a queryset for each run takes longer than to read its attempts.
    """
    to_lists = Prefetch("attempts", queryset=attempts, to_attr="row_attempts")
    return runs.prefetch_related(to_lists)


def attempts_of_row(run: Run) -> list[Attempt]:
    """Those of a run that comes from `with_row_attempts`."""
    attempts: list[Attempt] = run.row_attempts  # type: ignore[attr-defined]  # put there by it
    return attempts


def rows_with_projects(run_ids: Iterable[int]) -> list[tuple[int, RunRow]]:
    """Rows of these runs without deleted ones, newest first, each after its project's key."""
    runs = Run.objects.filter(pk__in=list(run_ids), deleted_at=None).order_by("-pk")
    return [(run.project_id, run_row(run)) for run in with_row_relations(runs)]


def run_row(run: Run) -> RunRow:
    """A line of the list; `run` comes from `with_row_relations`."""
    now = timezone.now()
    attempts = attempts_of_row(run)
    cost = spent(attempts, now)
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
        preemptible=run.preemptible,
        paused=run.paused,
        resume_at=run.goes_on_at,
        step=run.last_step,
        total_steps=run.total_steps,
        sparkline=[_short(value) for value in run.summary.get("sparkline", [])],
        duration_s=sum(seconds_held(attempt, now) for attempt in attempts),
        eta_s=_eta(run, attempts[-1], now) if attempts else None,
        device_hours=cost.device_hours,
        cost_usd=cost.usd,
        values={},
        owner=UserRef(id=run.owner_id, username=run.owner.username),
        parent=_parent(run),
        last_seq=run.last_seq,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        **numbers,
    )


def _short(value: float | None) -> float | None:
    """As much of a number as a small curve shows: all its digits would be most of the row."""
    return None if value is None else float(f"{value:.4g}")


def _eta(run: Run, attempt: Attempt, now: datetime) -> float | None:
    done = run.last_step - attempt.start_step
    if run.state != State.RUNNING or attempt.started_at is None:
        return None
    under_way = ((attempt.ended_at or now) - attempt.started_at).total_seconds()
    return seconds_left(done=done, to_do=run.total_steps - run.last_step, spent_s=under_way)


def _parent(run: Run) -> ParentRef | None:
    if run.parent is None or run.parent.deleted_at is not None:
        return None
    return ParentRef(id=run.parent.pk, name=run.parent.name, step=run.parent_step)
