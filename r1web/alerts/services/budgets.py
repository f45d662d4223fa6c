"""What runs and projects have cost meets their budgets, every half minute."""

from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from r1web.alerts.models import Action, Rule, RuleKind
from r1web.alerts.selectors import in_unit, window
from r1web.alerts.services import sentences
from r1web.alerts.services.firing import Cause, act, clear, fire
from r1web.runs.models import ACTIVE, ENDED, Run
from r1web.runs.selectors import open_attempt, spent, spent_by_project, with_devices
from r1web.runs.services import lock, request_pause


def look_at_budgets(*, now: datetime | None = None) -> None:
    """Fire the rules of runs under way and of projects that have cost more than they may."""
    now = now or timezone.now()
    rules = Rule.objects.filter(enabled=True).select_related("run", "project")
    of_runs = rules.filter(kind=RuleKind.BUDGET, fired_step=None, run__state__in=ACTIVE)
    for rule in of_runs.prefetch_related(Prefetch("run__attempts", with_devices())):
        assert rule.run is not None  # noqa: S101 - the filter asks for its state
        used = in_unit(spent(rule.run.attempts.all(), now), rule)
        if used > (rule.limit or 0):
            _fire_for_run(rule.pk, rule.run, used, now)
    for rule in rules.filter(kind=RuleKind.PROJECT_BUDGET, run=None):
        _look_at_project(rule, now)


def hold_over_budget(*, run: Run) -> None:
    """What comes into the queue of a project whose budget is used up waits for a person.

    `run` is brought up to date.
    """
    acting = Rule.objects.filter(
        project=run.project_id, run=None, kind=RuleKind.PROJECT_BUDGET, enabled=True
    ).exclude(action=Action.TELL)
    rule = acting.filter(fired_step__isnull=False).first()
    if rule is not None:
        reason = f"Paused: the project's budget “{rule.name}” is used up."
        request_pause(run=run, actor=f"alert rule “{rule.name}”", reason=reason)
        run.refresh_from_db(fields=["paused", "reason"])


@transaction.atomic
def _fire_for_run(rule_id: int, run: Run, used: float, now: datetime) -> None:
    run = lock(run)
    rule = Rule.objects.filter(pk=rule_id, enabled=True, fired_step=None).first()
    if rule is None or run.state in ENDED:
        return
    cause = Cause(
        key=f"budget-{run.last_seq}",  # an alert is an event, so no two of them share it
        attempt=open_attempt(run),
        step=run.last_step,
        at=now,
        message=sentences.over_budget(rule, used),
    )
    fire(rule, run, cause)
    rule.save(update_fields=["fired_step"])


def _look_at_project(rule: Rule, now: datetime) -> None:
    used = in_unit(spent_by_project(rule.project, now, now - window(rule)), rule)
    over = used > (rule.limit or 0)
    if over and rule.fired_step is None:
        why = sentences.over_budget(rule, used)
        _act_on_project(rule, why)
        _fire_for_project(rule.pk, why, now)
    elif not over and rule.fired_step is not None:
        clear(rule, now)
        rule.save(update_fields=["fired_step"])


def _act_on_project(rule: Rule, why: str) -> None:
    """Each run in a transaction of its own; a second time nothing is left to be done."""
    if rule.action == Action.TELL:
        return
    runs = Run.objects.filter(project=rule.project, deleted_at=None).exclude(state__in=ENDED)
    for run in runs.only("pk"):
        with transaction.atomic():
            act(rule, lock(run), why)


@transaction.atomic
def _fire_for_project(rule_id: int, why: str, now: datetime) -> None:
    present = Rule.objects.select_for_update().filter(pk=rule_id, enabled=True, fired_step=None)
    rule = present.first()
    if rule is None:
        return
    key = f"budget-{now.isoformat()}"
    fire(rule, None, Cause(key=key, attempt=None, step=0, at=now, message=why))
    rule.save(update_fields=["fired_step"])
