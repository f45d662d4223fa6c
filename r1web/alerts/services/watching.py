"""Rules meet what happens: metrics as they are ingested, changes of state, and silence.

Everything here runs within the transaction that writes what happened, under the run's lock, so an
alert is there exactly when its cause is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import lt

import numpy as np
from django.db import transaction
from django.utils import timezone

from r1web.alerts.conditions import Point, begins, holds, may_begin, may_end, with_point
from r1web.alerts.models import Rule, RuleKind
from r1web.alerts.services import sentences
from r1web.alerts.services.firing import Cause, clear, fire
from r1web.bulk import save_all
from r1web.runs.models import Attempt, Event, Run, State, Transition
from r1web.runs.services import lock
from training.events import EvaluationEvent, MetricsEvent

Measured = MetricsEvent | EvaluationEvent
SIGNS_OF_LIFE = ["metrics", "evaluation", "started"]
MANY = 8
"""Events from which on it pays to look at them together."""
NOT_BY_METRICS = [RuleKind.STATE, RuleKind.BUDGET]


@dataclass(frozen=True)
class Shown:
    """What an attempt has measured since, in order."""

    run: Run
    attempt: Attempt
    events: Sequence[Measured]


def observe(shown: Sequence[Shown]) -> None:
    """Show each event to its run's rules. An event that a rule has seen changes nothing.

    The caller holds the locks of the runs.
    """
    of_run = {one.run.pk: one for one in shown if one.events}
    if not of_run:
        return
    rules = Rule.objects.filter(run__in=of_run, enabled=True).exclude(kind__in=NOT_BY_METRICS)
    rules = rules.defer("states")  # which is another kind's
    touched = [rule for rule in rules if rule.run_id and _show(rule, of_run[rule.run_id])]
    save_all(touched, ["recent", "fired_step"])


def watch_state(*, run: Run, transition: Transition) -> None:
    """Show a change of state to the run's rules. Those on silence have cleared with it."""
    kinds = [RuleKind.STATE, RuleKind.ABSENCE]
    for rule in Rule.objects.filter(run=run, enabled=True, kind__in=kinds):
        before = rule.fired_step
        clear(rule, transition.at)
        if transition.to_state in rule.states:
            cause = Cause(
                key=f"transition-{transition.pk}",
                attempt=transition.attempt,
                step=run.last_step,
                at=transition.at,
                message=sentences.state(transition),
            )
            fire(rule, run, cause)
        if rule.fired_step != before:
            rule.save(update_fields=["fired_step"])


def look_for_silence(*, now: datetime | None = None) -> None:
    """Fire the rules of running runs that have told no metrics for too long."""
    now = now or timezone.now()
    rules = Rule.objects.filter(
        kind=RuleKind.ABSENCE, enabled=True, fired_step=None, run__state=State.RUNNING
    )
    for rule in rules.select_related("run"):
        assert rule.run is not None  # noqa: S101 - the filter asks for its state
        if _is_silent(rule, rule.run, now):
            _fire_for_silence(rule.pk, rule.run, now)


def _show(rule: Rule, shown: Shown) -> bool:
    """Whether the rule has changed."""
    run, attempt, events = shown.run, shown.attempt, shown.events
    if rule.kind == RuleKind.ABSENCE:
        fired = rule.fired_step is not None
        clear(rule, _time_of(events[0]))
        return fired
    recent = [Point(step, float(value), seq) for step, value, seq in rule.recent]
    seen = recent[-1].seq if recent else 0
    new = [event for event in events if rule.metric in event.values and event.seq > seen]
    keep = rule.points or 1
    if len(new) >= MANY and _stays_quiet(rule, recent, new):
        recent = [*recent, *(_point(rule, event) for event in new[-keep:])][-keep:]
    else:
        for event in new:
            recent = with_point(recent, _point(rule, event), keep=keep)
            _judge(rule, run, attempt, recent, event)
    rule.recent = [[step, repr(value), seq] for step, value, seq in recent]
    return bool(new)


def _point(rule: Rule, event: Measured) -> Point:
    return Point(event.step, event.values[rule.metric], event.seq)


def _stays_quiet(rule: Rule, recent: Sequence[Point], new: Sequence[Measured]) -> bool:
    """Whether nothing becomes of the new values, told by looking at them together."""
    steps = [*(point.step for point in recent), *(event.step for event in new)]
    values = [*(point.value for point in recent), *(event.values[rule.metric] for event in new)]
    if not all(map(lt, steps, steps[1:])):
        return False
    if rule.fired_step is None:
        return not may_begin(rule, np.array(steps, np.float64), np.array(values))
    return rule.fired_step < new[0].step and not may_end(rule, np.array(values))


def _judge(
    rule: Rule, run: Run, attempt: Attempt, recent: Sequence[Point], event: Measured
) -> None:
    """Fire or clear by what the newest points say; `event` told the last of them."""
    newest = recent[-1]
    if rule.fired_step is not None and newest.step <= rule.fired_step:
        # The run was resumed from before: what fired then was superseded.
        clear(rule, _time_of(event))
    if rule.fired_step is not None:
        if holds(rule, recent) is False:
            clear(rule, _time_of(event))
    elif begins(rule, recent):
        cause = Cause(
            key=f"journal-{newest.seq}",
            attempt=attempt,
            step=newest.step,
            at=_time_of(event),
            message=sentences.measured(rule, recent),
            value=newest.value,
        )
        fire(rule, run, cause)


def _last_sign(run: Run) -> Event | None:
    return Event.objects.filter(run=run, type__in=SIGNS_OF_LIFE).order_by("-seq").first()


def _is_silent(rule: Rule, run: Run, now: datetime) -> bool:
    last = _last_sign(run)
    return last is not None and now - last.at > timedelta(seconds=rule.seconds or 0)


@transaction.atomic
def _fire_for_silence(rule_id: int, run: Run, now: datetime) -> None:
    run = lock(run)
    rule = Rule.objects.filter(pk=rule_id, enabled=True, fired_step=None).first()
    last = _last_sign(run)
    if rule is None or last is None or run.state != State.RUNNING or not _is_silent(rule, run, now):
        return
    cause = Cause(
        key=f"silent-since-{last.seq}",
        attempt=last.attempt,
        step=run.last_step,
        at=now,
        message=sentences.silence(now - last.at),
    )
    fire(rule, run, cause)
    rule.save(update_fields=["fired_step"])


def _time_of(event: Measured) -> datetime:
    return datetime.fromtimestamp(event.time, tz=UTC)
