"""What a user may see of rules, alerts, targets and deliveries."""

from urllib.parse import urlsplit

from django.db.models import Prefetch, Q, QuerySet

from r1web.accounts.models import Project, User
from r1web.alerts.models import (
    Alert,
    Delivery,
    DeliveryStatus,
    Rule,
    RuleKind,
    Target,
    TargetKind,
)
from r1web.alerts.schemas import AlertOut, DeliveryOut, RuleOut, TargetOut
from r1web.errors import ForbiddenError, NotFoundError
from r1web.metrics.wire import wire_value
from r1web.runs.models import Run
from r1web.runs.selectors import may_change, visible_runs


def visible_project(user: User, slug: str) -> Project:
    """Raises NotFoundError for a project the user is not in."""
    project = Project.objects.filter(memberships__user=user, slug=slug).first()
    if project is None:
        raise NotFoundError(f"There is no project “{slug[:60]}” that you may see.")
    return project


def changeable_project(user: User, slug: str) -> Project:
    """Raises NotFoundError, or ForbiddenError for a viewer."""
    project = visible_project(user, slug)
    require_change(user, project)
    return project


def require_change(user: User, project: Project) -> None:
    if not may_change(user, project):
        raise ForbiddenError(f"You may look at “{project}”, but not change it.")


def changeable_rule(user: User, rule_id: int) -> Rule:
    """Raises NotFoundError, or ForbiddenError for a viewer."""
    of_no_deleted_run = Q(run=None) | Q(run__deleted_at=None)
    rules = Rule.objects.filter(of_no_deleted_run, project__memberships__user=user)
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
    alerts = Alert.objects.filter(run__in=visible_runs(user)).select_related("run__project")
    alert = alerts.filter(pk=alert_id).first()
    if alert is None:
        raise NotFoundError(f"There is no alert {alert_id} that you may see.")
    require_change(user, alert.run.project)
    return alert


def rules_of(project: Project, run: Run | None) -> QuerySet[Rule]:
    return Rule.objects.filter(project=project, run=run)


def with_alert_relations(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    deliveries = Delivery.objects.select_related("alert").order_by("id")
    related = alerts.select_related("attempt", "acknowledged_by")
    return related.prefetch_related(Prefetch("deliveries", deliveries))


def deliveries_of(project: Project, status: str | None) -> QuerySet[Delivery]:
    found = Delivery.objects.filter(alert__run__project=project, alert__run__deleted_at=None)
    found = found.select_related("alert")
    return found.filter(status=status) if status else found


def rule_out(rule: Rule) -> RuleOut:
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
        stop_run=rule.stop_run,
        enabled=rule.enabled,
        firing=rule.fired_step is not None,
    )


def alert_out(alert: Alert) -> AlertOut:
    """Reads the alert's relations: select them with it."""
    return AlertOut(
        id=alert.pk,
        run=alert.run_id,
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
    return DeliveryOut(
        id=delivery.pk,
        alert=delivery.alert_id,
        run=delivery.alert.run_id,
        target=delivery.target_id,
        target_name=delivery.target_name,
        status=DeliveryStatus(delivery.status),
        tries=delivery.tries,
        due_at=delivery.due_at if delivery.status == DeliveryStatus.PENDING else None,
        sent_at=delivery.sent_at,
        error=delivery.error,
    )
