"""A rule fires, clears, and an alert is acknowledged."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from r1web.accounts.models import User
from r1web.alerts import queue
from r1web.alerts.models import Alert, Delivery, Rule, Target
from r1web.metrics.wire import wire_value
from r1web.runs.models import ENDED, Attempt, Run
from r1web.runs.services import NewEvent, append_events, request_stop


@dataclass(frozen=True)
class Cause:
    """What made a rule fire; `key` names it among all that can make this rule fire."""

    key: str
    attempt: Attempt | None
    step: int
    at: datetime
    message: str
    value: float | None = None


def fire(rule: Rule, run: Run, cause: Cause) -> None:
    """Raise the alert, unless this cause has done so before, and what follows from it.

    Sets `rule.fired_step`; the caller saves the rule and holds the lock of `run`, which is the
    rule's and whose `last_seq` is brought up to date.
    """
    rule.fired_step = cause.step
    alert, made = Alert.objects.get_or_create(
        run=run,
        key=f"rule-{rule.pk}/{cause.key}",
        defaults={
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
    if made:
        _tell(alert, cause)
        _address(alert, rule)
        _stop(alert, rule)


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


def _tell(alert: Alert, cause: Cause) -> None:
    payload = {
        "id": alert.pk,
        "rule": alert.rule_name,
        "metric": alert.metric,
        "value": None if cause.value is None else wire_value(cause.value),
        "message": alert.message,
    }
    event = NewEvent("alert", payload, step=alert.step, at=alert.at)
    append_events(run=alert.run, attempt=alert.attempt, items=[event])


def _address(alert: Alert, rule: Rule) -> None:
    targets = Target.objects.filter(project=rule.project_id, enabled=True)
    made = Delivery.objects.bulk_create(
        Delivery(alert=alert, target=target, target_name=target.name) for target in targets
    )
    if made:
        queue.deliver()


def _stop(alert: Alert, rule: Rule) -> None:
    run = Run.objects.get(pk=alert.run_id)
    if rule.stop_run and run.state not in ENDED:
        request_stop(run=run, actor=f"alert rule “{rule.name}”", reason=alert.message)
