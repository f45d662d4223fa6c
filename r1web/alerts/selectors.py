"""What a user may see of rules, alerts, targets and deliveries."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from r1web.accounts.models import Project, User
from r1web.accounts.selectors import require_change
from r1web.alerts.models import (
    Action,
    Alert,
    Delivery,
    DeliveryStatus,
    Rule,
    RuleKind,
    Target,
    TargetKind,
    Unit,
)
from r1web.alerts.schemas import AlertOut, DeliveryOut, RuleOut, TargetOut
from r1web.errors import NotFoundError
from r1web.metrics.wire import wire_value
from r1web.runs.models import Run
from r1web.runs.selectors import (
    Spent,
    spent,
    spent_by_project,
    with_devices,
)

OF_NO_DELETED_RUN = Q(run=None) | Q(run__deleted_at=None)


def changeable_rule(user: User, rule_id: int) -> Rule:
    """Raises NotFoundError, or ForbiddenError for a viewer."""
    rules = Rule.objects.filter(OF_NO_DELETED_RUN, project__memberships__user=user)
    rule = rules.select_related("project", "run").filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"There is no alert rule {rule_id} that you may see.")
    require_change(user, rule.project)
    return rule


def changeable_target(user: User, target_id: int) -> Target:
    """Raises NotFoundError, or ForbiddenError for a viewer."""
    targets = Target.objects.filter(project__memberships__user=user).select_related("project")
    target = targets.filter(pk=target_id).first()
    if target is None:
        raise NotFoundError(f"There is no alert target {target_id} that you may see.")
    require_change(user, target.project)
    return target


def changeable_alert(user: User, alert_id: int) -> Alert:
    """Raises NotFoundError, or ForbiddenError for a viewer."""
    alerts = Alert.objects.filter(OF_NO_DELETED_RUN, project__memberships__user=user)
    alert = alerts.select_related("project").filter(pk=alert_id).first()
    if alert is None:
        raise NotFoundError(f"There is no alert {alert_id} that you may see.")
    require_change(user, alert.project)
    return alert


def rules_of(project: Project, run: Run | None) -> QuerySet[Rule]:
    return Rule.objects.filter(project=project, run=run).select_related("project")


def alerts_of(project: Project) -> QuerySet[Alert]:
    """Of its runs, and about the project as a whole."""
    return Alert.objects.filter(OF_NO_DELETED_RUN, project=project)


def with_alert_relations(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    deliveries = Delivery.objects.select_related("alert__run").order_by("id")
    related = alerts.select_related("run", "attempt", "acknowledged_by")
    return related.prefetch_related(Prefetch("deliveries", deliveries))


def deliveries_of(project: Project, status: str | None) -> QuerySet[Delivery]:
    of_no_deleted_run = Q(alert__run=None) | Q(alert__run__deleted_at=None)
    found = Delivery.objects.filter(of_no_deleted_run, project=project)
    found = found.select_related("alert__run")
    return found.filter(status=status) if status else found


def in_unit(cost: Spent, rule: Rule) -> float:
    """What a budget counts of it."""
    return cost.usd if rule.unit == Unit.USD else cost.device_hours


def window(rule: Rule) -> timedelta:
    """How far back a project's budget looks."""
    return timedelta(days=rule.days or 0)


def rules_out(rules: Sequence[Rule], run: Run | None) -> list[RuleOut]:
    """All of one run, or of one project."""
    now = timezone.now()
    budgets = [rule for rule in rules if rule.unit and (run or rule.days)]
    attempts = list(with_devices().filter(run=run)) if run and budgets else []
    used = {}
    for rule in budgets:
        if rule.days is None:
            cost = spent(attempts, now)
        else:
            cost = spent_by_project(rule.project, now, now - window(rule))
        used[rule.pk] = in_unit(cost, rule)
    return [rule_out(rule, used.get(rule.pk)) for rule in rules]


def rule_out(rule: Rule, used: float | None = None) -> RuleOut:
    return RuleOut(
        id=rule.pk,
        run=rule.run_id,
        name=rule.name,
        kind=RuleKind(rule.kind),
        metric=rule.metric,
        direction=rule.direction,
        limit=rule.limit,
        points=rule.points,
        seconds=rule.seconds,
        states=rule.states,
        unit=rule.unit,
        days=rule.days,
        used=used,
        action=Action(rule.action),
        enabled=rule.enabled,
        firing=rule.fired_step is not None,
    )


def alert_out(alert: Alert) -> AlertOut:
    """Reads the alert's relations: select them with it."""
    return AlertOut(
        id=alert.pk,
        run=alert.run_id,
        run_name=alert.run.name if alert.run else None,
        rule=alert.rule_id,
        rule_name=alert.rule_name,
        metric=alert.metric,
        attempt=alert.attempt.number if alert.attempt else None,
        step=alert.step,
        value=wire_value(alert.value) if alert.has_value else None,
        message=alert.message,
        at=alert.at,
        cleared_at=alert.cleared_at,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=alert.acknowledged_by.username if alert.acknowledged_by else None,
        deliveries=[delivery_out(delivery) for delivery in alert.deliveries.all()],
    )


def target_out(target: Target) -> TargetOut:
    return TargetOut(
        id=target.pk,
        name=target.name,
        kind=TargetKind(target.kind),
        address=shown_address(target),
        enabled=target.enabled,
        created_at=target.created_at,
    )


def shown_address(target: Target) -> str:
    """What may be shown: the path of a webhook's URL is often all that keeps others out."""
    if target.kind == TargetKind.EMAIL:
        return target.address
    parts = urlsplit(target.address)
    return f"{parts.scheme}://{parts.netloc}/…"


def delivery_out(delivery: Delivery) -> DeliveryOut:
    """Reads the delivery's alert and its run: select them with it."""
    alert = delivery.alert
    run = alert.run if alert else None
    return DeliveryOut(
        id=delivery.pk,
        alert=delivery.alert_id,
        rule_name=alert.rule_name if alert else None,
        run=run.pk if run else None,
        run_name=run.name if run else None,
        created_at=delivery.created_at,
        target=delivery.target_id,
        target_name=delivery.target_name,
        status=DeliveryStatus(delivery.status),
        tries=delivery.tries,
        due_at=delivery.due_at if delivery.status == DeliveryStatus.PENDING else None,
        sent_at=delivery.sent_at,
        error=delivery.error,
    )
