"""Journal lines become rows, each exactly once.

The rows and the place up to which the journal was read are committed together, so whoever dies in
between, nothing is lost and nothing doubled.
"""

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from r1web.alerts.services import Shown, observe
from r1web.bulk import save_all
from r1web.cluster.services.booking import Told, book
from r1web.cluster.supervisor.batch import Batch, read_batch
from r1web.cluster.supervisor.tail import Line
from r1web.metrics.services import Known, Sample, append_points
from r1web.rollouts.models import Group
from r1web.rollouts.services import append_groups
from r1web.runs.models import Attempt, Checkpoint, Run, State
from r1web.runs.services import (
    NewEvent,
    News,
    append_events,
    append_to_locked,
    lock_attempt,
    record_progress,
    transition,
    warning,
)
from training.events import (
    CheckpointEvent,
    EvaluationEvent,
    Event,
    MetricsEvent,
    PhaseEvent,
    ProvenanceEvent,
    RolloutsEvent,
    StageEvent,
    StartedEvent,
)

logger = logging.getLogger(__name__)

ACTOR = "supervisor"
MEASURED = (MetricsEvent, EvaluationEvent)
Measured = MetricsEvent | EvaluationEvent
REFUSALS = (DataError, IntegrityError, OverflowError, ValueError)
"""How the database says no to what it is given."""

LinesOf = Mapping[int, Sequence[Line]]
"""New lines of the journal by attempt."""


def ingest(
    *, attempt_id: int, lines: Sequence[Line], refused: Callable[[], None] = lambda: None
) -> None:
    """Commit the lines. One that the database refuses is left out, with a warning, alone, unless
    `refused`, which is called before, raises."""
    try:
        _commit({attempt_id: lines}, Known(), {})
    except REFUSALS as error:
        refused()
        if len(lines) > 1:
            for line in lines:
                ingest(attempt_id=attempt_id, lines=[line], refused=refused)
            return
        logger.warning("Attempt %s: a journal line was refused: %s", attempt_id, error)
        _skip(attempt_id, lines[0], f"{type(error).__name__}: {error}")


def ingest_together(lines_of: LinesOf, known: Known, contexts: Mapping[int, Context]) -> set[int]:
    """Commit the lines of several attempts at once; of which attempts they are there now.

    `contexts` are those of the attempts' own threads: what is logged and traced of one belongs
    there. One that somebody else holds, if but for a moment, has to wait for the next time; nobody
    waits for it. What the database refuses it refuses as a whole.
    """
    can_skip = connection.features.has_select_for_update_skip_locked
    return _commit(lines_of, known, contexts, skip_locked=can_skip)


@dataclass(frozen=True)
class Part:
    """What one attempt's lines hold, its row and its run's locked."""

    run: Run
    attempt: Attempt
    batch: Batch

    @property
    def measured(self) -> list[Measured]:
        """In order, each with what it tells of the run's own policy."""
        return [_of_policy(event) for event in self.batch.of(*MEASURED)]


@transaction.atomic
def _commit(
    lines_of: LinesOf,
    known: Known,
    contexts: Mapping[int, Context],
    *,
    skip_locked: bool = False,
) -> set[int]:
    locked = _lock(lines_of, skip_locked=skip_locked)
    parts = [
        Part(run, attempt, read_batch(lines, attempt.journal_seq))
        for run, attempt in locked
        # Already there when an earlier commit had gone through but its answer was lost.
        if (lines := [x for x in lines_of[attempt.pk] if x.end > attempt.journal_offset])
    ]
    for part in parts:
        context = contexts.get(part.attempt.pk) or copy_context()
        context.run(_note_start, part.run, part.attempt, part.batch.of(StartedEvent))
    _append(parts, known)
    for part in parts:
        told = [(event.step, event.values) for event in part.measured]
        record_progress(run=part.run, told=told)
    save_all([part.run for part in parts], ["summary", "last_step", "last_seq"])
    observe([Shown(part.run, part.attempt, part.measured) for part in parts])
    for part in parts:
        attempt, batch = part.attempt, part.batch
        for phase in batch.of(PhaseEvent)[-1:]:
            attempt.phase = phase.phase
        attempt.journal_seq, attempt.journal_offset = batch.last_seq, batch.end
    book([Told(part.run, part.attempt, part.batch.read) for part in parts])
    names = ["journal_seq", "journal_offset", "phase", "started_at"]
    save_all([part.attempt for part in parts], names)
    return {attempt.pk for _, attempt in locked}


def _lock(lines_of: LinesOf, *, skip_locked: bool) -> list[tuple[Run, Attempt]]:
    """The attempts before their runs, as everybody locks them."""
    attempts = Attempt.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    found = list(attempts.filter(pk__in=lines_of).order_by("pk"))
    runs = Run.objects.defer("config").select_for_update(no_key=True, skip_locked=skip_locked)
    wanted = [attempt.run_id for attempt in found]
    run_of = {run.pk: run for run in runs.filter(pk__in=wanted).order_by("pk")}
    return [(run_of[attempt.run_id], attempt) for attempt in found if attempt.run_id in run_of]


def _append(parts: Sequence[Part], known: Known) -> None:
    """The rows, those of each kind together."""
    rollouts = [(part.attempt, event) for part in parts for event in part.batch.of(RolloutsEvent)]
    groups = iter(append_groups(rollouts))
    checkpoints = iter(
        [
            _checkpoint(part.run, part.attempt, event)
            for part in parts
            for event in part.batch.of(CheckpointEvent)
        ]
    )
    events = append_to_locked(
        [
            News(part.run, part.attempt, [_news(x, groups, checkpoints) for x in part.batch.items])
            for part in parts
        ]
    )
    told = [(part.attempt, item) for part in parts for item in part.batch.items]
    append_points(
        [
            Sample(attempt, item.step, item.time, _of_policy(item).values, event.seq)
            for (attempt, item), event in zip(told, events, strict=True)
            if isinstance(item, MEASURED)
        ],
        known,
    )


@transaction.atomic
def _skip(attempt_id: int, line: Line, reason: str) -> None:
    attempt = lock_attempt(attempt_id)
    message = f"The journal line that ends at byte {line.end} was left out ({reason[:300]})."
    append_events(run=attempt.run, attempt=attempt, items=[warning(message)])
    attempt.journal_offset = line.end
    attempt.save(update_fields=["journal_offset"])


def _note_start(run: Run, attempt: Attempt, started: Sequence[StartedEvent]) -> None:
    if not started:
        return
    attempt.started_at = datetime.fromtimestamp(started[-1].time, tz=UTC)
    run.last_step = started[-1].start_step
    if attempt.ended_at is None and run.state in (State.STARTING, State.LOST):
        event = started[-1]
        reason = f"Training on {event.device} ({event.dtype}) from step {event.start_step}."
        transition(run=run, to=State.RUNNING, reason=reason, actor=ACTOR, attempt=attempt)


def _checkpoint(run: Run, attempt: Attempt, event: CheckpointEvent) -> Checkpoint:
    present = run.checkpoints.filter(deleted_at=None)
    # One written anew at the same place has replaced the one before.
    present.filter(path__in=[event.path, *event.removed]).update(deleted_at=timezone.now())
    return Checkpoint.objects.create(
        run=run,
        attempt=attempt,
        step=event.step,
        path=event.path,
        bytes=event.bytes,
        reason=event.reason,
    )


def _news(
    item: Event | NewEvent, groups: Iterator[Group], checkpoints: Iterator[Checkpoint]
) -> NewEvent:
    if isinstance(item, NewEvent):
        return item
    at = datetime.fromtimestamp(item.time, tz=UTC)
    match item:
        case MetricsEvent():
            payload = {"time": item.time, "values": item.values}
            return NewEvent(item.type, payload, item.step, at, in_series=bool(item.values))
        case RolloutsEvent():
            payload = _rollouts_payload(item, next(groups))
        case CheckpointEvent():
            payload = {"id": next(checkpoints).pk, **_payload(item)}
        case EvaluationEvent():
            payload = {"time": item.time, "stage": item.stage, **_payload(item)}
        case StageEvent() | ProvenanceEvent():
            payload = {"stage": item.stage, **_payload(item)}
        case _:
            payload = _payload(item)
    return NewEvent(item.type, payload, step=item.step, at=at)


def _of_policy(event: Measured) -> Measured:
    """Without the score of one of the models that a stage evaluates: a line through different
    models would say nothing, and none of them is the score of the run."""
    if isinstance(event, EvaluationEvent) and event.model is not None:
        return event.model_copy(update={"values": {}})
    return event


def _payload(event: Event) -> dict[str, Any]:
    """The event's own fields as standard JSON: only so does NaN become a string."""
    text = event.model_dump_json(exclude={"seq", "time", "stage", "step", "type"})
    payload: dict[str, Any] = json.loads(text)
    return payload


def _rollouts_payload(event: RolloutsEvent, group: Group) -> dict[str, Any]:
    return {
        "group_id": group.pk,
        "group": event.group,
        "trained": event.trained,
        "question": event.question,
        "reward_mean": group.reward_mean,
        "rewards": [
            None if math.isnan(completion.reward) else completion.reward
            for completion in event.completions
        ],
    }
