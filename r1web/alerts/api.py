"""Alerts of a run, the rules that raise them, and where a project's alerts are sent."""

from typing import Annotated

from ninja import Query, Router, Status

from r1web.alerts import selectors, services
from r1web.alerts.models import DeliveryStatus
from r1web.alerts.schemas import (
    AlertList,
    AlertOut,
    DeliveryList,
    RuleIn,
    RuleList,
    RuleOut,
    RulePatch,
    TargetIn,
    TargetList,
    TargetOut,
    TargetPatch,
)
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import page
from r1web.runs.selectors import changeable_run, visible_run

router = Router(tags=["alerts"])

Cursor = Annotated[str | None, Query(description="next_cursor of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get(
    "/runs/{int:run_id}/alerts", response={200: AlertList, ERRORS: ProblemOut}, summary="Alerts"
)
def list_alerts(
    request: ApiRequest,
    run_id: int,
    *,
    acknowledged: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AlertList:
    """What the run's rules have raised, newest first, and how sending it went."""
    alerts = selectors.with_alert_relations(visible_run(request.user, run_id).alerts.all())
    if acknowledged is not None:
        alerts = alerts.filter(acknowledged_at__isnull=not acknowledged)
    found, next_cursor = page(alerts, order="-id", cursor=cursor, limit=limit)
    return AlertList(items=[selectors.alert_out(alert) for alert in found], next_cursor=next_cursor)


@router.post(
    "/alerts/{int:alert_id}/acknowledge",
    response={200: AlertOut, ERRORS: ProblemOut},
    summary="Acknowledge an alert",
)
def acknowledge(request: ApiRequest, alert_id: int) -> AlertOut:
    """Note that you have seen it. Again changes nothing."""
    alert = selectors.changeable_alert(request.user, alert_id)
    return selectors.alert_out(services.acknowledge(alert=alert, actor=request.user))


@router.get(
    "/runs/{int:run_id}/alert-rules",
    response={200: RuleList, ERRORS: ProblemOut},
    summary="Alert rules of a run",
)
def list_run_rules(
    request: ApiRequest, run_id: int, cursor: Cursor = None, limit: Limit = 100
) -> RuleList:
    """A new run has the rules that its project had then."""
    run = visible_run(request.user, run_id)
    found, next_cursor = page(
        selectors.rules_of(run.project, run), order="id", cursor=cursor, limit=limit
    )
    return RuleList(items=[selectors.rule_out(rule) for rule in found], next_cursor=next_cursor)


@router.post(
    "/runs/{int:run_id}/alert-rules",
    response={201: RuleOut, ERRORS: ProblemOut},
    summary="Add a rule to a run",
)
def add_run_rule(request: ApiRequest, run_id: int, body: RuleIn) -> Status[RuleOut]:
    """It looks at what comes from now on."""
    run = changeable_run(request.user, run_id)
    fields = body.dict(exclude_none=True)
    rule = services.create_rule(project=run.project, run=run, fields=fields)
    return Status(201, selectors.rule_out(rule))


@router.get(
    "/projects/{slug}/alert-rules",
    response={200: RuleList, ERRORS: ProblemOut},
    summary="Alert rules for new runs",
)
def list_project_rules(
    request: ApiRequest, slug: str, cursor: Cursor = None, limit: Limit = 100
) -> RuleList:
    """What each new run of the project begins with."""
    project = selectors.visible_project(request.user, slug)
    found, next_cursor = page(
        selectors.rules_of(project, None), order="id", cursor=cursor, limit=limit
    )
    return RuleList(items=[selectors.rule_out(rule) for rule in found], next_cursor=next_cursor)


@router.post(
    "/projects/{slug}/alert-rules",
    response={201: RuleOut, ERRORS: ProblemOut},
    summary="Add a rule for new runs",
)
def add_project_rule(request: ApiRequest, slug: str, body: RuleIn) -> Status[RuleOut]:
    """Runs that exist already stay as they are."""
    project = selectors.changeable_project(request.user, slug)
    fields = body.dict(exclude_none=True)
    rule = services.create_rule(project=project, run=None, fields=fields)
    return Status(201, selectors.rule_out(rule))


@router.patch(
    "/alert-rules/{int:rule_id}",
    response={200: RuleOut, ERRORS: ProblemOut},
    summary="Change a rule",
)
def edit_rule(request: ApiRequest, rule_id: int, body: RulePatch) -> RuleOut:
    """Switch it on or off, or change what it looks for; it then looks anew."""
    rule = selectors.changeable_rule(request.user, rule_id)
    changes = body.dict(exclude_none=True)
    return selectors.rule_out(services.edit_rule(rule=rule, changes=changes))


@router.delete(
    "/alert-rules/{int:rule_id}",
    response={204: None, ERRORS: ProblemOut},
    summary="Delete a rule",
)
def delete_rule(request: ApiRequest, rule_id: int) -> Status[None]:
    """Its alerts stay."""
    services.delete_rule(rule=selectors.changeable_rule(request.user, rule_id))
    return Status(204, None)


@router.get(
    "/projects/{slug}/alert-targets",
    response={200: TargetList, ERRORS: ProblemOut},
    summary="Where alerts are sent",
)
def list_targets(
    request: ApiRequest, slug: str, cursor: Cursor = None, limit: Limit = 100
) -> TargetList:
    project = selectors.visible_project(request.user, slug)
    found, next_cursor = page(project.alert_targets.all(), order="id", cursor=cursor, limit=limit)
    return TargetList(
        items=[selectors.target_out(target) for target in found], next_cursor=next_cursor
    )


@router.post(
    "/projects/{slug}/alert-targets",
    response={201: TargetOut, ERRORS: ProblemOut},
    summary="Add a target",
)
def add_target(request: ApiRequest, slug: str, body: TargetIn) -> Status[TargetOut]:
    """All alerts of the project are sent to each of its targets."""
    project = selectors.changeable_project(request.user, slug)
    target = services.create_target(project=project, fields=body.dict(exclude_none=True))
    return Status(201, selectors.target_out(target))


@router.patch(
    "/alert-targets/{int:target_id}",
    response={200: TargetOut, ERRORS: ProblemOut},
    summary="Change a target",
)
def edit_target(request: ApiRequest, target_id: int, body: TargetPatch) -> TargetOut:
    target = selectors.changeable_target(request.user, target_id)
    changes = body.dict(exclude_none=True)
    return selectors.target_out(services.edit_target(target=target, changes=changes))


@router.delete(
    "/alert-targets/{int:target_id}",
    response={204: None, ERRORS: ProblemOut},
    summary="Delete a target",
)
def delete_target(request: ApiRequest, target_id: int) -> Status[None]:
    """What was sent there stays in the log."""
    services.delete_target(target=selectors.changeable_target(request.user, target_id))
    return Status(204, None)


@router.get(
    "/projects/{slug}/alert-deliveries",
    response={200: DeliveryList, ERRORS: ProblemOut},
    summary="How sending alerts went",
)
def list_deliveries(
    request: ApiRequest,
    slug: str,
    *,
    status: DeliveryStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryList:
    """Newest first."""
    project = selectors.visible_project(request.user, slug)
    found, next_cursor = page(
        selectors.deliveries_of(project, status), order="-id", cursor=cursor, limit=limit
    )
    return DeliveryList(
        items=[selectors.delivery_out(delivery) for delivery in found], next_cursor=next_cursor
    )
