"""A rule fires, clears, and an alert is acknowledged."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from r1web.accounts.models import User
from r1web.alerts import queue
from r1web.alerts.models import Action, Alert, Delivery, Rule, Target
from r1web.metrics.wire import wire_value
from r1web.runs.models import ENDED, Attempt, Desired, Run
from r1web.runs.services import NewEvent, append_events, request_pause, request_stop


@dataclass(frozen=True)
class Cause:
    """What made a rule fire; `key` names it among all that can make this rule fire."""

    key: str
    attempt: Attempt | None
    step: int
    at: datetime
    message: str
    value: float | None = None


def fire(rule: Rule, run: Run | None, cause: Cause) -> None:
    """Raise the alert, unless this cause has done so before, and what follows from it.

    Sets `rule.fired_step`; the caller saves the rule and holds the lock of `run`, which is the
    rule's and whose `last_seq` is brought up to date, or of the rule when it has none.
    """
    rule.fired_step = cause.step
    alert, made = Alert.objects.get_or_create(
        project_id=rule.project_id,
        key=f"rule-{rule.pk}/{cause.key}",
        defaults={
            "run": run,
            "attempt": cause.attempt,
            "rule": rule,
            "rule_name": rule.name,
            "metric": rule.metric,
            "step": cause.step,
            "has_value": cause.value is not None,
            "value": None if cause.value is None or math.isnan(cause.value) else cause.value,
            "message": cause.message,
            "at": cause.at,
        },
    )
    if not made:
        return
    if run is not None:
        _tell(alert, run, cause)
        act(rule, Run.objects.get(pk=run.pk), alert.message)
    _address(alert, rule)


def clear(rule: Rule, at: datetime) -> None:
    """The rule may fire again; its open alert is over. The caller saves the rule."""
    if rule.fired_step is not None:
        rule.fired_step = None
        Alert.objects.filter(rule=rule, cleared_at=None).update(cleared_at=at)


def acknowledge(*, alert: Alert, actor: User) -> Alert:
    """Note who has seen it, and when; the first one counts."""
    Alert.objects.filter(pk=alert.pk, acknowledged_at=None).update(
        acknowledged_at=timezone.now(), acknowledged_by=actor
    )
    alert.refresh_from_db()
    return alert


def act(rule: Rule, run: Run, why: str) -> None:
    """Stop or pause the run, where the rule is to do so and there is something left to stop."""
    if run.state in ENDED or run.desired == Desired.STOPPED:
        return
    actor = f"alert rule “{rule.name}”"
    if rule.action == Action.STOP:
        request_stop(run=run, actor=actor, reason=why)
    if rule.action == Action.PAUSE:
        request_pause(run=run, actor=actor, reason=f"Paused: {why}")


def _tell(alert: Alert, run: Run, cause: Cause) -> None:
    payload = {
        "id": alert.pk,
        "rule": alert.rule_name,
        "metric": alert.metric,
        "value": None if cause.value is None else wire_value(cause.value),
        "message": alert.message,
    }
    event = NewEvent("alert", payload, step=alert.step, at=alert.at)
    append_events(run=run, attempt=alert.attempt, items=[event])


def _address(alert: Alert, rule: Rule) -> None:
    targets = Target.objects.filter(project=rule.project_id, enabled=True)
    made = Delivery.objects.bulk_create(
        Delivery(project_id=rule.project_id, alert=alert, target=target, target_name=target.name)
        for target in targets
    )
    if made:
        queue.deliver()
