"""Making and changing rules. Any change makes a rule look anew."""

import math
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from r1web.accounts.models import Project
from r1web.alerts.defaults import DEFAULT_RULES
from r1web.alerts.models import Action, Rule, RuleKind
from r1web.alerts.services.firing import clear
from r1web.errors import InvalidError, NotFoundError
from r1web.runs.models import Run, State
from r1web.runs.services import checked_name, lock

MOST_RULES = 50
MOST_POINTS = 500
WEEK_S = 7 * 24 * 3600
YEAR_DAYS = 366
MOST_COST = 1_000_000_000
NEEDED: dict[str, tuple[str, ...]] = {
    RuleKind.THRESHOLD: ("metric", "direction", "limit", "points"),
    RuleKind.SLOPE: ("metric", "direction", "limit", "points"),
    RuleKind.NONFINITE: ("metric", "points"),
    RuleKind.ABSENCE: ("seconds",),
    RuleKind.STATE: ("states",),
    RuleKind.BUDGET: ("unit", "limit"),
    RuleKind.PROJECT_BUDGET: ("unit", "limit", "days"),
}
PARTS = ("metric", "direction", "limit", "points", "seconds", "states", "unit", "days")
EMPTY: dict[str, Any] = {
    "metric": "", "direction": "", "limit": None, "points": None, "seconds": None, "states": [],
    "unit": "", "days": None,
}  # fmt: skip


def give_default_rules(*, project: Project) -> None:
    Rule.objects.bulk_create(Rule(project=project, **fields) for fields in DEFAULT_RULES)


def copy_rules(*, run: Run) -> None:
    """Give a new run its project's rules for runs, also those that are switched off."""
    fields = ("name", "kind", *PARTS, "action", "enabled")
    of_project = Rule.objects.filter(project=run.project_id, run=None)
    for_runs = of_project.exclude(kind=RuleKind.PROJECT_BUDGET)
    given = for_runs.order_by("id").values(*fields)
    Rule.objects.bulk_create(Rule(project_id=run.project_id, run=run, **rule) for rule in given)


@transaction.atomic
def create_rule(*, project: Project, run: Run | None, fields: Mapping[str, Any]) -> Rule:
    """A rule of the run, or else of the project. Raises InvalidError at the field at fault."""
    if run is not None:
        lock(run)
    if Rule.objects.filter(project=project, run=run).count() >= MOST_RULES:
        raise InvalidError(f"There may be {MOST_RULES} rules: delete or edit one.", path="name")
    rule = Rule(project=project, run=run, **fields)
    check_rule(rule)
    rule.save()
    return rule


@transaction.atomic
def edit_rule(*, rule: Rule, changes: Mapping[str, Any]) -> Rule:
    """Change what is given; its kind stays. Raises InvalidError at the field at fault."""
    rule = _locked(rule)
    for name, value in changes.items():
        setattr(rule, name, value)
    check_rule(rule)
    clear(rule, timezone.now())
    rule.recent = []
    rule.save()
    return rule


@transaction.atomic
def delete_rule(*, rule: Rule) -> None:
    """Its alerts stay."""
    rule = _locked(rule)
    clear(rule, timezone.now())
    rule.delete()


def check_rule(rule: Rule) -> None:
    """Raise InvalidError unless the rule has exactly what its kind needs."""
    rule.name = checked_name(rule.name, "the rule")
    for part in PARTS:
        given = getattr(rule, part) != EMPTY[part]
        needed = part in NEEDED[rule.kind]
        if needed and not given:
            raise InvalidError(f"A rule of kind {rule.kind} needs {part}: give it.", path=part)
        if given and not needed:
            raise InvalidError(
                f"A rule of kind {rule.kind} has no {part}: leave it out.", path=part
            )
    _check_numbers(rule)
    if unknown := set(rule.states) - set(State.values):
        raise InvalidError(
            f"There is no state {', '.join(sorted(unknown))}: take some of "
            f"{', '.join(State.values)}.",
            path="states",
        )
    if rule.action != Action.TELL and rule.kind == RuleKind.STATE:
        raise InvalidError("A rule on states can only tell: leave it out.", path="action")
    if rule.run_id is not None and rule.kind == RuleKind.PROJECT_BUDGET:
        raise InvalidError(
            "A project's budget is no rule of a run: add it to the project.", path="kind"
        )


def _check_numbers(rule: Rule) -> None:
    least = 2 if rule.kind == RuleKind.SLOPE else 1
    if rule.points is not None and not least <= rule.points <= MOST_POINTS:
        raise InvalidError(f"points is from {least} to {MOST_POINTS}.", path="points")
    if rule.seconds is not None and not 10 <= rule.seconds <= WEEK_S:
        raise InvalidError(f"seconds is from 10 to {WEEK_S}.", path="seconds")
    if rule.limit is not None and not math.isfinite(rule.limit):
        raise InvalidError("limit is a finite number.", path="limit")
    if rule.unit and not 0 < (rule.limit or 0) <= MOST_COST:
        raise InvalidError(f"limit is more than 0 and at most {MOST_COST:,}.", path="limit")
    if rule.days is not None and not 1 <= rule.days <= YEAR_DAYS:
        raise InvalidError(f"days is from 1 to {YEAR_DAYS}.", path="days")


def _locked(rule: Rule) -> Rule:
    """The rule as it is now; nobody shows it anything until the transaction ends."""
    if rule.run is not None:
        lock(rule.run)
    rules = Rule.objects.select_related("project", "run").select_for_update(of=("self",))
    present = rules.filter(pk=rule.pk).first()
    if present is None:
        raise NotFoundError(f"Rule {rule.pk} was deleted meanwhile.")
    return present
